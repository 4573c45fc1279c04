"""The request that silver and gold are rebuilt, from the repair of a table or a decision on files until it is done."""

from lake.rebuild import Rebuild, RebuildRequest


def test_request_is_open_until_it_is_closed(folder):
    request = RebuildRequest(folder)
    assert request.read() is None
    request.ask(("silver.customers",))
    request.ask()
    request.ask(("silver.customers", "gold.churn_kpis"))
    assert RebuildRequest(folder).read() == Rebuild(("silver.customers", "gold.churn_kpis")), "reasons add up"
    request.close()
    request.close()
    assert request.read() is None


def test_decision_needs_no_table(folder):
    RebuildRequest(folder).ask()
    assert RebuildRequest(folder).read() == Rebuild(())


def test_damaged_request_asks_for_the_most(folder):
    folder.write_text("_control/rebuild.json", "{")
    found = RebuildRequest(folder).read()
    assert found
    assert found.tables
