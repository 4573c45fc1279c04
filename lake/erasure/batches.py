"""The manifests of ingest batches after an erasure: how many rows bronze has of a file, and which content the file has now."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from lake.manifests import Batch, Manifests
from lake.register import FileEntry
from lake.storage import Folder

REGISTER = "_control/register"
"""Its checkpoints say what the manifests say, and the next batch that is due for one writes it again."""


def correct_batches(
    lake: Folder, rows: Mapping[tuple[int, str], int], rewritten: Mapping[str, tuple[str, bytes]], staged: Folder
) -> int:
    """Stage the manifests that have to be other ones and return how many these are.

    `rows` count what bronze loses by batch and file; `rewritten` has by a raw file's address the checksum that it had and
    its new content: what is known stays known. Raises DamagedDocumentError.
    """
    new = {
        (uri, checksum): (hashlib.sha256(content).hexdigest(), len(content))
        for uri, (checksum, content) in rewritten.items()
    }
    corrected = [(batch, _corrected(batch, rows, new)) for batch in Manifests(lake).history()]
    changed = [after for before, after in corrected if after != before]
    for batch in changed:
        Manifests(staged).write(batch)
    return len(changed)


def _corrected(
    batch: Batch, rows: Mapping[tuple[int, str], int], new: Mapping[tuple[str, str], tuple[str, int]]
) -> Batch:
    return replace(batch, files=tuple(_of_file(file, rows.get(file.key, 0), new) for file in batch.files))


def _of_file(file: FileEntry, erased: int, new: Mapping[tuple[str, str], tuple[str, int]]) -> FileEntry:
    counted = file if file.rows is None else replace(file, rows=file.rows - erased, erased=file.erased + erased)
    if (content := new.get((file.uri, file.checksum))) is None:
        return counted
    return replace(counted, checksum=content[0], size=content[1])
