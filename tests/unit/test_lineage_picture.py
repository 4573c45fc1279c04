"""The lineage in the quality report: every dataset, arrows that go down, and a trail for every column of gold."""

import itertools
import re

import pytest

from contract.tables import TABLES
from lake.results import Results
from lake.storage import open_folder
from serving.lineage.datasets import DATASETS, reads
from serving.lineage.picture import gold_trails, picture
from serving.quality_report import render
from tests.unit.test_quality_report import Page

GOLD = {name: table for name, table in TABLES.items() if table.layer == "gold"}


def test_every_dataset_has_a_box_of_its_own():
    drawn = picture()
    assert len({(box.layer, box.name) for box in drawn.boxes}) == len(DATASETS)
    for box in drawn.boxes:
        assert 0 <= box.left <= drawn.width - box.width
        assert 0 <= box.top <= drawn.height - box.height
    for one, other in itertools.combinations(drawn.boxes, 2):
        assert abs(one.top - other.top) >= one.height or abs(one.left - other.left) >= one.width


def test_arrows_go_down_to_what_is_made():
    drawn = picture()
    assert len(drawn.arrows) == sum(len(reads(dataset)) for dataset in DATASETS)
    for arrow in drawn.arrows:
        (begins,) = re.match(r"M\d+,(\d+) ", arrow).groups()
        (ends,) = re.search(r"(\d+) M", arrow).groups()
        assert int(begins) < int(ends)


@pytest.mark.parametrize("table", GOLD)
def test_every_column_of_gold_has_a_trail(table):
    trails = gold_trails()[table]
    assert [column.name for column in trails] == GOLD[table].schema.names
    for column in trails:
        assert column.given or column.steps[-1][0].startswith("raw files "), column.name


def test_trail_goes_from_gold_to_raw_files():
    (found,) = [column for column in gold_trails()["gold.churn_breakdown"] if column.name == "churned"]
    assert found.steps[:2] == (
        ("gold.customer_churn_analysis", ("churn_flag (condition)", "customer_id")),
        ("silver.customers", ("churn", "customer_id")),
    )
    assert dict(found.steps)["raw files billing"] == ("churn", "churn_value", "customer_id")


def test_report_opens_a_column_without_a_script(tmp_path):
    text = render(Results(open_folder(tmp_path)))
    page = Page(text)
    tags = [tag for tag, _ in page.elements]
    assert "script" not in tags
    columns = sum(len(table.schema) for table in GOLD.values())
    assert tags.count("details") == tags.count("summary") == columns + len(GOLD)
    assert tags.count("rect") == len(DATASETS)
    assert len(text) < 100_000
