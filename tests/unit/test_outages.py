"""A run without an external service, and a platform that has none."""

import pytest
from rich.console import Console

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from cli import warehouse_query
from cli.summary import as_dict, print_summary
from cli.warehouse_query import query_warehouse
from contract.errors import GateError, LakeError, NotifyError, OutageError, PlatformError, WarehouseError
from flows.churn_pipeline import PipelineResult
from lake.exports import TableVersion
from tasks.outages import Outages
from tasks.tableau import workbook_server
from tasks.warehouse import NOT_LOADED, Load, export_arguments, load_warehouse, loaded_version


def _fails(error):
    raise error


# A run that goes on


@pytest.mark.parametrize(
    "error", [kind("no route") for kind in (WarehouseError, PlatformError, NotifyError, OutageError, TimeoutError)]
)
def test_outage_is_raised_at_the_end_with_what_is_missing(error):
    outages = Outages()
    assert outages.attempt("the warehouse", _fails, error) is None
    assert outages.attempt("the catalog", lambda: 3) == 3
    with pytest.raises(
        OutageError, match=r"missing: the warehouse \(no route\)\. Everything else is done, and the next"
    ):
        outages.raise_if_any()


@pytest.mark.parametrize("error", [LakeError("full"), GateError("stopped"), ZeroDivisionError()])
def test_error_that_is_no_outage_stops_the_run(error):
    with pytest.raises(type(error)):
        Outages().attempt("the warehouse", _fails, error)


def test_service_that_came_back_is_not_missing():
    outages = Outages()
    outages.attempt("the warehouse", _fails, WarehouseError("restarting"))
    outages.attempt("alerts", _fails, NotifyError("503"))
    outages.attempt("the warehouse", lambda: NOT_LOADED)
    with pytest.raises(OutageError, match=r"^missing: alerts \(503\)\. "):
        outages.raise_if_any()


def test_without_outage_nothing_is_raised():
    Outages().raise_if_any()


# A platform without a warehouse


WAREHOUSE = RedshiftWarehouse(host="wh.example", iam_role="arn:aws:iam::1:role/copy")


@pytest.fixture
def lake_only(tmp_path):
    return Platform(lake=str(tmp_path), jobs=LocalGlueJob())


def test_warehouse_without_a_host_is_none(tmp_path):
    """What `churn deploy` of release 0.1.0 saved for a stack without Redshift."""
    unnamed = WAREHOUSE.model_copy(update={"host": ""})
    assert Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=unnamed).warehouse is None
    assert Platform(lake=str(tmp_path), jobs=LocalGlueJob(), warehouse=WAREHOUSE).required_warehouse() == WAREHOUSE


def test_nothing_is_asked_of_a_missing_warehouse(lake_only):
    assert loaded_version.fn(lake_only) is None
    assert load_warehouse.fn(lake_only, None) == NOT_LOADED
    assert export_arguments(lake_only, None) == {"has_warehouse": "false", "warehouse_version": ""}


def test_export_is_of_what_the_warehouse_lacks(lake_only):
    platform = lake_only.model_copy(update={"warehouse": WAREHOUSE})
    known = export_arguments(platform, TableVersion("t", 3, "x"))
    assert known == {"has_warehouse": "true", "warehouse_version": "t@3#x"}
    assert export_arguments(platform, None) == {"has_warehouse": "true", "warehouse_version": ""}


@pytest.mark.parametrize(
    "use", [lambda platform: load_warehouse.fn(platform, 3), workbook_server, Platform.required_warehouse]
)
def test_what_needs_a_warehouse_says_that_there_is_none(lake_only, use):
    with pytest.raises(PlatformError, match=r"has no warehouse. Query the lake, with: churn query --on lake"):
        use(lake_only)


def test_query_on_a_missing_warehouse(lake_only, monkeypatch):
    monkeypatch.setattr(warehouse_query, "platform_or_local", lambda name: lake_only)
    with pytest.raises(PlatformError, match="has no warehouse"):
        query_warehouse("SELECT 1", "lake-only")


def _summary(platform, load):
    result, console = PipelineResult("r", [], load, "report", None), Console(record=True, width=200)
    print_summary(console, result, platform, "http://prefect", 1.0)
    return as_dict(result, platform, "http://prefect", 1.0)["warehouse"], console.export_text()


def test_summary_names_the_warehouse_or_none(lake_only):
    found, text = _summary(lake_only, NOT_LOADED)
    assert found is None
    assert "Warehouse:      none" in text
    assert "--on warehouse" not in text
    found, text = _summary(lake_only.model_copy(update={"warehouse": WAREHOUSE}), Load(3, 2, 5))
    assert found == {
        "version": 3, "rows_loaded": 2, "table_rows": 5, "note": "", "host": "wh.example", "port": 5439,
    }  # fmt: skip
    assert "wh.example:5439/telecom_churn, table customer_churn_analysis, 5 rows" in text
    assert "--on warehouse" in text
