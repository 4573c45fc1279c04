"""The catalog's entries: what Athena is told of a table, and how a difference is said."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks import catalog
from blocks.catalog import GlueCatalog, compare, compare_columns, table_input
from contract.tables import TABLES

TABLE = TABLES["gold.churn_kpis"]
PLACE = "s3://bucket/lake/gold/churn_kpis"
columns = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["int", "string", "double"]), max_size=6)


class Glue:
    """A catalog of one database, by hand."""

    class exceptions:  # noqa: N801 (boto3's own name)
        class EntityNotFoundException(Exception):  # noqa: N818
            pass

    def __init__(self, present=None):
        self.present, self.written = present, []

    def get_table(self, **asked):
        if self.present is None:
            raise self.exceptions.EntityNotFoundException
        return {"Table": self.present | {"DatabaseName": asked["DatabaseName"]}}

    def create_table(self, **given):
        self.written.append(("create", given))

    def update_table(self, **given):
        self.written.append(("update", given))


def _spoil(change):
    entry = copy.deepcopy(table_input(TABLE, PLACE))
    change(entry)
    return entry


def _without_column(entry):
    del entry["StorageDescriptor"]["Columns"][0]


def _of_other_type(entry):
    entry["StorageDescriptor"]["Columns"][1]["Type"] = "string"


def _with_more(entry):
    entry["StorageDescriptor"]["Columns"].append({"Name": "colour", "Type": "string"})


def _renamed_comment(entry):
    entry["StorageDescriptor"]["Columns"][0]["Comment"] = "Old words"


def _moved(entry):
    entry["StorageDescriptor"]["Location"] = "s3://elsewhere"


def _path_moved(entry):
    entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] = "s3://elsewhere"


def _crawled(entry):
    del entry["Parameters"]["spark.sql.sources.provider"]


DIFFERENCES = [
    (_without_column, "column run_id string added"),
    (_of_other_type, "column computed_at was string, is timestamp"),
    (_with_more, "column colour removed"),
    (_renamed_comment, "comment of run_id changed"),
    (_moved, "moved"),
    (_path_moved, "moved"),
    (_crawled, "not a native Delta table"),
]


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_entry_describes_its_table(table):
    entry = table_input(table, f"s3://b/{table.path}")
    described = entry["StorageDescriptor"]["Columns"]
    assert [(column["Name"], column["Type"]) for column in described] == [(f.name, f.type) for f in table.schema]
    assert all(0 < len(column["Comment"]) <= 255 for column in described)
    assert entry["Name"] == table.short_name
    assert entry["Parameters"]["table_type"] == "DELTA"
    assert entry["StorageDescriptor"]["Location"] == f"s3://b/{table.path}"
    assert entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"] == f"s3://b/{table.path}"
    assert compare(entry, entry) == []


@pytest.mark.parametrize(("change", "words"), DIFFERENCES, ids=lambda value: getattr(value, "__name__", ""))
def test_difference_is_said(change, words):
    assert compare(_spoil(change), table_input(TABLE, PLACE)) == [words]


def test_bare_entry_differs_in_everything():
    lines = compare({"StorageDescriptor": {}}, table_input(TABLE, PLACE))
    assert len(lines) == len(TABLE.schema) + 2
    assert lines[-2:] == ["moved", "not a native Delta table"]


@given(columns, columns)
def test_no_line_means_no_difference(present, wanted):
    lines = compare_columns(present, wanted)
    assert (lines == []) == (present == wanted)
    assert len(lines) == len(set(lines))


@given(columns, columns)
def test_lines_lead_to_wanted(present, wanted):
    """Whoever does what the lines say has the wanted columns."""
    reached = dict(present)
    for line in compare_columns(present, wanted):
        words = line.split()
        if words[-1] == "added":
            reached[words[1]] = words[2]
        elif words[-1] == "removed":
            del reached[words[1]]
        else:
            assert reached[words[1]] == words[3].rstrip(",")
            reached[words[1]] = words[-1]
    assert reached == wanted


@pytest.fixture
def register(monkeypatch):
    """Register a table in a catalog that has `present`; the lines, and what was written."""

    def act(present):
        glue = Glue(present)
        monkeypatch.setattr(catalog, "aws_client", lambda credentials, service: glue)
        return GlueCatalog(prefix="c_").register(TABLE, PLACE), glue.written

    return act


def test_new_table_is_created(register):
    lines, written = register(None)
    assert lines == ["c_gold.churn_kpis: registered"]
    assert written == [("create", {"DatabaseName": "c_gold", "TableInput": table_input(TABLE, PLACE)})]


def test_same_table_is_left_alone(register):
    assert register(table_input(TABLE, PLACE)) == ([], [])


@pytest.mark.parametrize(("change", "words"), DIFFERENCES, ids=lambda value: getattr(value, "__name__", ""))
def test_differing_table_is_updated(register, change, words):
    lines, written = register(_spoil(change))
    assert lines == [f"c_gold.churn_kpis: {words}"]
    assert written == [("update", {"DatabaseName": "c_gold", "TableInput": table_input(TABLE, PLACE)})]


@pytest.mark.parametrize("layer", ["silver", "gold"])
def test_database_is_of_the_layer(layer):
    assert GlueCatalog().database(layer) == f"churn_{layer}"
