"""Files that are held or set aside: what operators are told, and what a run says at its end."""

import pytest
from pydantic import SecretStr

from blocks.notify import ChatWebhook
from blocks.platform import Platform
from contract.errors import NotifyError, RawPathError
from flows.churn_pipeline import churn_pipeline
from lake.deliveries import Deliveries, Delivery
from lake.file_report import held_files
from lake.results import FileNote
from lake.set_aside import SetAside, SetAsideFiles
from lake.storage import open_folder
from tasks.files import format_files, notify_about_files
from tests.support.scripted_jobs import result, scripted

HELD = Delivery("day 1/a.csv", "customers", 3, "held", 10, 4, 0.05)
ASIDE = SetAside("book.xlsx", "/raw/book.xlsx", 1, 1, "an Excel workbook: save it as CSV.")


def _script(held=(), aside=()):
    """Jobs that find such files, and record them as the real ones do."""

    def script(arguments):
        _record(open_folder(arguments["lake"]), held, aside)
        if arguments["job"] == "bronze":
            return [_bronze(arguments, aside)]
        if arguments["job"] == "silver":
            return [_silver(arguments, held)]
        if arguments["job"] == "export":
            return [result(arguments, outcome="unchanged", step=step) for step in ("dashboard", "warehouse")]
        return [result(arguments, "gold.churn_kpis")]

    return script


@pytest.fixture
def platform(prefect_harness, warehouse, tmp_path, webhook):
    notifier = ChatWebhook(url=SecretStr(webhook.url), timeout_seconds=1)

    def make(**files):
        lake = str(tmp_path / "lake")
        return Platform(lake=lake, raw="r", jobs=scripted(_script(**files)), warehouse=warehouse, notifier=notifier)

    return make


def _record(lake, held=(), aside=()):
    Deliveries(lake).write(held)
    SetAsideFiles(lake).write(aside)


def _bronze(arguments, aside):
    notes = tuple(FileNote(file.path, file.reason, is_new=True) for file in aside)
    return result(arguments, "bronze.customers", set_aside=notes)


def _silver(arguments, held):
    return result(arguments, "silver.customers", held=held_files(held, "r"))


def _told(machine, **files):
    """How many files operators are told of when these are held and set aside."""
    _record(machine.folder(), **files)
    return notify_about_files.fn(machine)


def test_a_run_with_held_files_is_completed_with_a_message(platform, webhook, tmp_path):
    state = churn_pipeline(platform(held=(HELD,), aside=(ASIDE,)), return_state=True)
    assert (state.is_completed(), state.message) == (True, "with 1 file held and 1 file set aside")
    assert [file.file for file in state.result().results[0].set_aside] == ["book.xlsx"]
    (told,) = webhook.texts
    assert "1 file held and 1 file set aside" in told
    assert "held: day 1/a.csv of batch 3: 4 of 10 rows are quarantined" in told
    assert f"drop it: churn discard 'day 1/a.csv' --lake {tmp_path / 'lake'}" in told
    assert "set aside: book.xlsx: an Excel workbook: save it as CSV." in told


def test_a_run_without_them_is_completed_without_a_message(platform, webhook):
    state = churn_pipeline(platform(), return_state=True)
    assert (state.is_completed(), state.message, webhook.texts) == (True, None, [])


def test_each_file_is_told_of_once_until_it_is_well_again(platform, webhook):
    machine = platform()
    told = [
        _told(machine, **files)
        for files in (
            {"held": (HELD,)},
            {"held": (HELD,), "aside": (ASIDE,)},
            {"aside": (ASIDE,)},
            {},
            {"held": (HELD,)},
        )
    ]
    assert told == [1, 1, 0, 0, 1]
    assert [("a.csv" in text, "book.xlsx" in text) for text in webhook.texts] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_a_message_that_was_refused_is_sent_by_the_next_run(platform, webhook):
    machine = platform()
    webhook.answers = [500] * 20
    with pytest.raises(NotifyError):
        _told(machine, held=(HELD,))
    webhook.answers = []
    assert _told(machine, held=(HELD,)) == 1


def test_a_run_that_looks_at_other_files_forgets_nothing(platform, webhook):
    """A backfill, or a run on one file: what is held and set aside elsewhere is known already."""
    machine = platform(held=(HELD,), aside=(ASIDE,))
    churn_pipeline(machine)
    notify_about_files.fn(machine.model_copy(update={"jobs": scripted(_script())}))
    churn_pipeline(machine)
    assert len(webhook.texts) == 1


def test_many_files_are_counted(platform, webhook):
    aside = tuple(SetAside(f"{n}.xlsx", f"/raw/{n}.xlsx", 1, 1, "an Excel workbook.") for n in range(30))
    _told(platform(), aside=aside)
    assert webhook.texts[0].count("an Excel workbook") == 20
    assert "and 10 more" in webhook.texts[0]


@pytest.mark.parametrize(
    ("held", "aside", "words"),
    [
        (0, 0, ""),
        (1, 0, "1 file held"),
        (0, 2, "2 files set aside"),
        (1200, 1, "1,200 files held and 1 file set aside"),
    ],
)
def test_counts_are_words(held, aside, words):
    arguments = {"job": "silver", "run_id": "r"}
    assert format_files([_bronze(arguments, (ASIDE,) * aside), _silver(arguments, (HELD,) * held)]) == words


def test_an_unknown_file_fails_the_run_before_any_job(platform):
    machine = platform()
    with pytest.raises(RawPathError, match="no batch and no file"):
        churn_pipeline(machine, discard=["gone.csv"])
    assert machine.jobs.calls() == []
    assert Deliveries(machine.folder()).read() == ()
