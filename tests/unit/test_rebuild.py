"""The request that silver and gold are rebuilt, from the repair of a table until it is done."""

from lake.rebuild import RebuildRequest


def test_request_is_open_until_it_is_closed(folder):
    request = RebuildRequest(folder)
    assert not request.is_open()
    request.ask(("silver.customers",))
    request.ask(("silver.customers", "gold.churn_kpis"))
    assert RebuildRequest(folder).is_open()
    assert folder.read_json("_control/rebuild.json") == {"tables": ["silver.customers", "gold.churn_kpis"]}
    request.close()
    request.close()
    assert not request.is_open()
