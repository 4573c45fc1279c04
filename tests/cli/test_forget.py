"""Customers erased by the command, on a machine with everything that is made from them."""

import pytest

from tests.support.command import CommandHarness
from tests.support.scanner import places_of


@pytest.fixture(scope="module")
def place(tmp_path_factory, installed):
    machine = CommandHarness(tmp_path_factory.mktemp("forget"), installed)
    yield machine
    machine.churn("down")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_forget_leaves_no_byte_on_this_machine(place):
    assert place.churn("generate", "--customers", "300", "--days", "2", "--faults", "1", "--out", "raw").code == 0
    assert place.churn("run", "--raw", "raw", "--max-quarantined-share", "0.2").code == 0
    assert place.churn("dashboard", "--no-open").code == 0
    at_risk = (
        "SELECT customer_id FROM gold.customer_churn_analysis WHERE churn_flag = 0 ORDER BY source_churn_score DESC"
    )
    ids = tuple(row["customer_id"] for row in place.churn("query", "--json", at_risk).json()[:3])
    counted = "SELECT count(*) AS n FROM customer_churn_analysis"
    before = place.churn("query", "--on", "warehouse", "--json", counted).json()[0]["n"]
    (place.folder / "ids.txt").write_text("\n".join(ids))
    state, raw = place.folder / "state", place.folder / "raw"
    named = places_of(ids, state, raw)
    assert {"lake", "warehouse", "dashboard.html"} <= {path.removeprefix(f"{state}/").split("/")[0] for path in named}
    answer = place.churn("forget", "--file", "ids.txt", "--raw", "raw", "--yes", "--json")
    assert answer.code == 0, answer.err
    assert "3 customers" in answer.err
    assert not any(text in answer.out + answer.err for text in ids)
    assert place.churn("query", "--on", "warehouse", "--json", counted).json()[0]["n"] == before - len(ids)
    assert place.churn("down").code == 0
    assert places_of(ids, state, raw) == []
