"""Tables with damaged files, back to their last good state.

Version numbers never go back: consumers of a change feed, and the warehouse, remember them. A damaged commit is replaced by
an empty one and kept below `<lake>/_damaged`; data files stay where they are. Silver and gold are rebuilt from bronze by the
next run; what bronze has lost is the concern of `jobs.lost_rows`.
"""

from collections.abc import Collection, Sequence

from contract.errors import DamagedTableError
from contract.tables import Table
from jobs.context import JobContext
from jobs.damage import Damage, find_damage, stored_tables
from lake.delta_log import commit_file, log_files, log_folder
from lake.rebuild import RebuildRequest


def repair_tables(context: JobContext) -> tuple[str, ...]:
    """Repair every table with a damaged file and return what was done, in words. Raises DamagedTableError."""
    context.lake.forget_logs()
    damaged = [table for table in stored_tables(context.lake) if find_damage(context.lake, table)]
    derived = tuple(table.name for table in damaged if table.layer != "bronze")
    if derived:
        RebuildRequest(context.lake.root).ask(derived)  # first: a repair may be interrupted
    notes = [note for table in damaged for note in _repair_table(context, table)]
    if derived:
        notes.append("the next run rebuilds silver and gold from bronze")
    return tuple(notes)


def _repair_table(context: JobContext, table: Table) -> list[str]:
    """Repair the log, then the data that it names: a repaired log may name other files."""
    notes = []
    for kind, repair in (("checkpoint", _drop_checkpoint), ("commit", _replace_commits), ("data", _drop_data)):
        damages = [damage for damage in find_damage(context.lake, table) if damage.kind == kind]
        if damages:
            notes.append(repair(context, table, damages) + _history_note(table, kind))
            context.lake.forget_logs()
    left = find_damage(context.lake, table) if notes else ()
    if left:
        raise _beyond_repair(context, left[0], "the rest of the table was repaired")
    return notes


def _history_note(table: Table, kind: str) -> str:
    """What is lost for good: an appended table of gold has rows of earlier runs, which the newest state does not tell."""
    is_history = table.layer != "bronze" and table.mode == "append" and kind != "checkpoint"
    return "; that is lost history: no rebuild brings its rows back" if is_history else ""


def _drop_checkpoint(context: JobContext, table: Table, damages: Sequence[Damage]) -> str:
    """The commits say the same as a checkpoint, as long as they, or an earlier checkpoint, are there."""
    log = log_files(context.lake.root, table.path)
    damaged = {damage.version for damage in damages}
    sound = [version for version in log.checkpoints if version not in damaged]
    if 0 not in log.commits and min(sound, default=None) is None:
        raise _beyond_repair(context, damages[0], "the commits before it have been removed")
    for name in [damage.file for damage in damages] + [f"{log_folder(table.path)}/_last_checkpoint"]:
        _set_aside(context, name)
    return f"{table.name}: a damaged checkpoint was removed, the commits before it say the same"


def _replace_commits(context: JobContext, table: Table, damages: Sequence[Damage]) -> str:
    """Empty the damaged commits, and those that build on them."""
    log = log_files(context.lake.root, table.path)
    damaged = [damage.version for damage in damages]
    if min(damaged) == 0 and not log.checkpoints:
        raise _beyond_repair(context, damages[0], "it declares the table")
    following = followers(damaged, log.commits, max(log.checkpoints, default=-1)) if table.mode == "merge" else []
    for version in sorted([*damaged, *following]):
        _set_aside(context, commit_file(table.path, version))
        context.lake.write_commit(table, version, "the commit was damaged, or one that it builds on")
    built = f"; {_commits(following)} emptied as well: built on what is lost" if following else ""
    return f"{table.name}: {_commits(damaged)} damaged and emptied{built}"


def followers(damaged: Collection[int], commits: Collection[int], checkpoint: int) -> list[int]:
    """Return the commits of a merged table that are not damaged but build on a damaged one.

    A version is made from the newest `checkpoint` (-1 where there is none) and the commits after it: damage up to the
    checkpoint leaves nothing out.
    """
    first = min((version for version in damaged if version > checkpoint), default=None)
    return [] if first is None else sorted(version for version in commits if version > first and version not in damaged)


def _commits(versions: Sequence[int]) -> str:
    if len(versions) == 1:
        return f"commit {versions[0]} was"
    return f"commits {', '.join(map(str, versions))} were"


def _drop_data(context: JobContext, table: Table, damages: Sequence[Damage]) -> str:
    files = {damage.data_file for damage in damages}
    context.lake.drop_files(table, files, "data files were damaged")
    counted = "1 data file was" if len(files) == 1 else f"{len(files)} data files were"
    return f"{table.name}: {counted} damaged or missing and no longer part of it: {damages[0].file}"


def _set_aside(context: JobContext, name: str) -> None:
    """Move a file of a log below `<lake>/_damaged`, with the checksum that Hadoop keeps beside it."""
    root = context.lake.root
    if root.exists(name):
        root.write_bytes(f"_damaged/{context.run_id}/{name}", root.read_bytes(name))
        folder, _, short_name = name.rpartition("/")
        root.delete(name)
        root.delete(f"{folder}/.{short_name}.crc")


def _beyond_repair(context: JobContext, damage: Damage, why: str) -> DamagedTableError:
    folder = context.lake.root.uri(damage.table.path)
    start_again = (
        ""
        if damage.table.layer == "bronze"
        else f" Or move {context.lake.root.uri('silver')} and {context.lake.root.uri('gold')} away: the next run makes both from bronze, "
        "without the history of KPIs and movements."
    )
    return DamagedTableError(
        f"{damage.table.name}: {context.lake.root.uri(damage.file)} is damaged or missing and cannot be done without: {why}. "
        f"Restore {folder} from a backup.{start_again}"
    )
