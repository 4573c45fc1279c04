"""The same figures of the operator's real files in the lake, the warehouse, Hyper and the dashboard."""

import pantab
import pytest

from contract.metrics import HEADLINES, METRICS, METRICS_BY_DIMENSION
from lake.exports import Exports
from serving.dashboard.page import dashboard_html
from serving.lake_sql import query
from serving.tableau.extract import arrow_schema, fetch, write_hyper
from serving.warehouse import sql as warehouse_sql
from serving.warehouse.statements import execute
from tasks.warehouse import migrate
from tests.browser.conftest import Manager, number

pytestmark = pytest.mark.real_data
GOLDEN = {
    "customers": 7043, "churned_customers": 1869, "churn_rate": 26.537, "customers_at_risk": 853,
    "monthly_revenue_lost": 139_130.85, "source_cltv_lost": 7_755_256, "cltv_lost": 2_862_576.90,
    "cltv_total": 16_055_091.45,
}  # fmt: skip


@pytest.fixture
def loaded(real_lake, warehouse):
    """The warehouse with the export, by the statements of a load."""
    export = Exports(real_lake.folder).read(0)
    with warehouse.connection() as connection:
        migrate(connection, warehouse, export.columns)
        execute(connection, warehouse_sql.create_staging(export.columns))
        execute(connection, warehouse_sql.copy_staging(Exports(real_lake.folder).manifest(0), warehouse.iam_role))
        execute(connection, warehouse_sql.insert_staged(warehouse.schema_name, export.columns))
        connection.commit()
    return warehouse


def _fetched(warehouse):
    with warehouse.connection() as connection:
        return fetch(connection, warehouse.schema_name)


def test_lake_warehouse_and_hyper_say_the_same(real_lake, loaded, tmp_path):

    rows, extract = _fetched(loaded), tmp_path / "extract.hyper"
    write_hyper(rows, extract)
    held = pantab.frame_from_hyper(extract, table="Extract", return_type="pyarrow").schema
    assert held.names == arrow_schema().names
    kpis = real_lake.kpis()
    with loaded.connection() as connection:
        for name, metric in METRICS.items():
            by_hyper = pantab.frame_from_hyper_query(extract, f'SELECT {metric.sql} AS v FROM "Extract"')["v"][0]
            by_warehouse = execute(connection, f"SELECT {name} FROM {warehouse_sql.KPI_VIEW}")[0][0]
            by_lake = query(real_lake.path, f"SELECT {metric.sql} FROM gold.customer_churn_analysis")[1][0][0]
            found = [float(value) for value in (by_hyper, by_warehouse, by_lake)]
            assert found == pytest.approx([kpis[name]] * 3, abs=1e-4), name
        for name, metric in METRICS_BY_DIMENSION.items():
            by = f"SELECT {metric.dimension}, {metric.sql} AS v FROM {{}} GROUP BY 1"
            frame = pantab.frame_from_hyper_query(extract, by.format('"Extract"'))
            by_hyper = {row.iloc[0]: float(row.iloc[1]) for _, row in frame.iterrows()}
            by_warehouse = {value: float(v) for value, v in execute(connection, by.format(warehouse_sql.VIEW))}
            by_kpi = {key.partition(":")[2]: v for key, v in kpis.items() if key.startswith(f"{name}:")}
            assert by_hyper == pytest.approx(by_warehouse, abs=1e-4)
            assert by_hyper == pytest.approx(by_kpi, abs=1e-4)
    for name, value in GOLDEN.items():
        assert kpis[name] == pytest.approx(value, abs=1e-3), name


def test_the_dashboard_shows_them(real_lake, browser, tmp_path):
    page = tmp_path / "dashboard.html"
    page.write_text(dashboard_html(real_lake.folder, "shown"), encoding="utf-8")
    manager, kpis = Manager(browser.new_page(), page), real_lake.kpis()
    cards = manager.cards()
    for name in HEADLINES:
        assert number(cards[name]) == pytest.approx(kpis[name], abs=0.006), name
    funnel = {name: number(values[0]) for name, values in manager.table("retention_funnel").items()}
    assert funnel == {"0-12": 47.44, "13-24": 28.71, "25+": 14.04}
    segments = {name: number(values[0]) for name, values in manager.table("risk_matrix").items()}
    assert segments == {
        "High-Value, Low-Risk": 2794, "High-Value, High-Risk": 64, "Low-Value, High-Risk": 1305, "Low-Value, Low-Risk": 2880,
    }  # fmt: skip
    assert page.stat().st_size < 1_500_000
    assert manager.problems == []
    manager.page.close()
