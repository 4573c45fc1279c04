"""The same figures of the operator's real files in the lake, the warehouse, Hyper and the dashboard."""

import pytest

from local.lake_sql import query
from tableau.extract import arrow_schema, fetch, write_hyper
from tasks import warehouse_sql
from tasks.warehouse import migrate
from tests.roads import Road
from transforms.exports import Exports
from transforms.metrics import GROUPED, HEADLINES, METRICS

pytestmark = pytest.mark.real_data
GOLDEN = {
    "customers": 7043, "churned_customers": 1869, "churn_rate": 26.537, "customers_at_risk": 853,
    "monthly_revenue_lost": 139_130.85, "source_cltv_lost": 7_755_256, "cltv_lost": 2_862_576.90,
    "cltv_total": 16_055_091.45,
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(spark, real_files, tmp_path_factory):
    road = Road(tmp_path_factory.mktemp("everywhere"))
    road.load(real_files[0].parent)
    road.job("export")
    return road


@pytest.fixture
def loaded(exported, warehouse):
    """The warehouse with the export, by the statements of a load."""
    from blocks.redshift import run

    export = Exports(exported.folder).read(0)
    with warehouse.connection() as connection:
        migrate(connection, warehouse, export.columns)
        run(connection, warehouse_sql.create_staging(export.columns))
        run(connection, warehouse_sql.copy_staging(Exports(exported.folder).manifest(0), warehouse.iam_role))
        run(connection, warehouse_sql.insert_staged(warehouse.schema_name, export.columns))
        connection.commit()
    return warehouse


def test_lake_warehouse_and_hyper_say_the_same(exported, loaded, tmp_path):
    import pantab

    from blocks.redshift import run

    rows, extract = fetch(loaded), tmp_path / "extract.hyper"
    write_hyper(rows, extract)
    held = pantab.frame_from_hyper(extract, table="Extract", return_type="pyarrow").schema
    assert held.names == arrow_schema().names
    kpis = exported.kpis()
    with loaded.connection() as connection:
        for name, metric in METRICS.items():
            by_hyper = pantab.frame_from_hyper_query(extract, f'SELECT {metric.sql} AS v FROM "Extract"')["v"][0]
            by_warehouse = run(connection, f"SELECT {name} FROM {warehouse_sql.KPI_VIEW}")[0][0]
            by_lake = query(exported.path, f"SELECT {metric.sql} FROM gold.customer_churn_analysis")[1][0][0]
            found = [float(value) for value in (by_hyper, by_warehouse, by_lake)]
            assert found == pytest.approx([kpis[name]] * 3, abs=1e-4), name
        for name, metric in GROUPED.items():
            by = f"SELECT {metric.by}, {metric.sql} AS v FROM {{}} GROUP BY 1"
            frame = pantab.frame_from_hyper_query(extract, by.format('"Extract"'))
            by_hyper = {row.iloc[0]: float(row.iloc[1]) for _, row in frame.iterrows()}
            by_warehouse = {value: float(v) for value, v in run(connection, by.format(warehouse_sql.VIEW))}
            by_kpi = {key.partition(":")[2]: v for key, v in kpis.items() if key.startswith(f"{name}:")}
            assert by_hyper == pytest.approx(by_warehouse, abs=1e-4)
            assert by_hyper == pytest.approx(by_kpi, abs=1e-4)
    for name, value in GOLDEN.items():
        assert kpis[name] == pytest.approx(value, abs=1e-3), name


def test_the_dashboard_shows_them(exported, browser, tmp_path):
    from dashboard.page import dashboard_of
    from tests.browser.conftest import Manager, number

    page = tmp_path / "dashboard.html"
    page.write_text(dashboard_of(exported.folder, "shown"), encoding="utf-8")
    manager, kpis = Manager(browser.new_page(), page), exported.kpis()
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
