"""The Tableau workbook: what it names is there, formulas are whole, filters act on every sheet."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import sqlglot

from contract.metrics import HEADLINES, METRICS
from contract.tables import TABLES
from lake.exports import export_columns
from scripts.workbook import TARGET
from serving.dashboard.content import CALLS
from serving.tableau.fields import CALCULATIONS, COLUMNS, FIELDS
from serving.tableau.workbook import SHEETS, Server, render
from serving.warehouse.sql import VIEW, views

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "tableau-schemas"
FUNCTIONS = {"SUM", "ZN", "IFNULL"}
WORDS = {"IF", "THEN", "ELSE", "END", "AND", "OR", "NOT"}
XSD = "{http://www.w3.org/2001/XMLSchema}"


@pytest.fixture(scope="module")
def workbook():
    return ET.fromstring(render(Server()))


def test_the_workbook_follows_from_the_definitions():
    assert TARGET.read_bytes() == render(Server()), "run: make docs"


def test_it_is_live_on_redshift_and_holds_no_password(workbook):
    connection = workbook.find(".//named-connection/connection")
    assert connection.get("class") == "redshift"
    assert connection.get("dbname") == "telecom_churn"
    assert connection.get("sslmode") == "require"
    assert b"password" not in render(Server()).lower()
    assert workbook.find(".//relation").get("table") == "[public].[customer_churn_dashboard]"


def test_every_column_of_the_view_is_in_the_data_source(workbook):
    local = [e.text for e in workbook.findall(".//metadata-records/metadata-record/local-name")]
    assert local == [f"[{column.name}]" for column in COLUMNS]
    view = next(
        view
        for view in views(
            "public", [column.name for column in export_columns(TABLES["gold.customer_churn_analysis"].schema)]
        )
        if view.name == VIEW
    )
    columns = [item.alias_or_name for item in sqlglot.parse_one(view.query, read="redshift").expressions]
    assert local == [f"[{name}]" for name in columns]


def test_every_reference_resolves(workbook):
    source = workbook.find("datasources/datasource")
    name = source.get("name")
    known = {c.get("name") for c in source.findall("column")}
    used = 0
    for sheet in workbook.findall("worksheets/worksheet"):
        depends = sheet.find(".//datasource-dependencies")
        assert depends.get("datasource") == name
        declared = {c.get("name") for c in depends.findall("column")}
        instances = {i.get("name"): i.get("column") for i in depends.findall("column-instance")}
        assert declared <= known
        assert set(instances.values()) <= declared
        text = ET.tostring(sheet, encoding="unicode")
        for referred in re.findall(r"\[" + re.escape(name) + r"\]\.(\[[^\]]+\])", text):
            assert referred in instances, (sheet.get("name"), referred)
            used += 1
        for level in sheet.findall(".//groupfilter"):
            assert level.get("level") in instances
    assert used > 150
    board = workbook.find("dashboards/dashboard")
    declared = {i.get("name") for i in board.findall("datasource-dependencies/column-instance")}
    zones = {zone.get("param").split("].")[1] for zone in board.findall(".//zone[@param]")}
    assert zones == declared


@pytest.mark.parametrize("field", CALCULATIONS, ids=lambda field: field.name)
def test_formulas_are_whole(field):
    bare = re.sub(r'"[^"]*"', "", field.formula)
    for referred in re.findall(r"\[([^\]]*)\]", bare):
        assert referred in FIELDS, f"{field.name} uses {referred}"
    plain = re.sub(r"\[[^\]]*\]", "1", bare)
    assert plain.count("(") == plain.count(")")
    assert not re.search(r"[\[\]{}]", plain)
    assert set(re.findall(r"([A-Z]+)\(", plain)) <= FUNCTIONS
    words = [word for word in re.findall(r"[A-Za-z_]+", plain) if word not in FUNCTIONS]
    assert set(words) <= WORDS
    assert words.count("IF") == words.count("THEN") == words.count("END")
    depth = 0
    for sign in plain:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        assert depth >= 0


def test_headlines_and_definitions_are_those_of_everything_else(workbook):
    captions = {c.get("name"): c for c in workbook.findall("datasources/datasource/column")}
    for name in HEADLINES:
        column = captions[f"[{name}]"]
        assert column.get("caption") == METRICS[name].label
        assert column.findtext("desc/formatted-text/run") == METRICS[name].definition


def test_filters_are_on_every_sheet_and_are_the_same_filter(workbook):
    expected = None
    for sheet in workbook.findall("worksheets/worksheet"):
        filters = sheet.findall("table/view/filter")
        assert [c.text for c in sheet.findall("table/view/slices/column")] == [f.get("column") for f in filters]
        found = {f.get("column"): f.get("filter-group") for f in filters if f.get("filter-group")}
        expected = expected or found
        assert found == expected
    assert len(set(expected.values())) == len(expected) == 6
    shown = {z.get("param") for z in workbook.findall(".//zone[@param]")}
    assert shown == set(expected), "each filter can be set on the dashboard"


def test_sheets_windows_and_zones_agree(workbook):
    names = [sheet.get("name") for sheet in workbook.findall("worksheets/worksheet")]
    assert len(set(names)) == len(names) == len(SHEETS)
    windows = {w.get("name"): w for w in workbook.findall("windows/window")}
    board = workbook.find("dashboards/dashboard")
    assert set(windows) == {*names, board.get("name")}
    zones = [z for z in board.iter("zone") if z.get("name") and not z.get("param")]
    assert sorted(z.get("name") for z in zones) == sorted(names)
    assert {v.get("name") for v in windows[board.get("name")].findall("viewpoints/viewpoint")} == set(names)
    ids = [z.get("id") for z in board.iter("zone")]
    assert len(set(ids)) == len(ids)
    places = [[int(z.get(side)) for side in "xywh"] for z in board.iter("zone") if z.get("name")]
    for i, (x, y, w, h) in enumerate(places):
        assert x + w <= 100_000
        assert y + h <= 100_000
        for left, top, width, height in places[:i]:
            assert x >= left + width or left >= x + w or y >= top + height or top >= y + h, "zones do not overlap"


def test_features_that_parts_of_the_workbook_belong_to_are_declared(workbook):
    """Without, Tableau knows neither: it refuses the file with an error that names no line."""
    declared = {feature.tag for feature in workbook.find("document-format-change-manifest")}
    packaged = ET.fromstring(render(Server(), with_extract=True))
    for feature, path in (
        ("SheetIdentifierTracking", "worksheets/worksheet/simple-id"),
        ("WindowsPersistSimpleIdentifiers", "windows/window/simple-id"),
        ("SortTagCleanup", ".//computed-sort"),
        ("SetMembershipControl", ".//zone[@type-v2]"),
        ("ObjectModelExtractV2", ".//extract[@object-id]"),
    ):
        assert packaged.find(path) is not None, path
        assert feature in declared
    assert next(iter(workbook)).tag == "document-format-change-manifest"


def test_customers_to_call_are_those_at_risk_and_the_most_valuable_first(workbook):
    sheet = workbook.find(f"worksheets/worksheet[@name='{CALLS.title}']")
    (own,) = [f for f in sheet.findall("table/view/filter") if not f.get("filter-group")]
    assert own.get("column").endswith("[none:is_at_risk:nk]")
    assert own.find("groupfilter").get("member") == "true"
    order = sheet.find("table/view/computed-sort")
    assert order.get("column").endswith("[none:customer_id:nk]")
    assert order.get("using").endswith("[usr:source_cltv_at_risk:qk]")
    assert sheet.findtext("table/rows").count(" / ") == 3


def test_thresholds_are_reference_lines(workbook):
    values = {line.get("axis-column").split(".")[-1]: line.get("value") for line in workbook.iter("reference-line")}
    assert values == {"[none:churn_score:qk]": "60", "[none:cltv:qk]": "2000"}


@pytest.mark.parametrize("release", ["2026.1.0", "2026.2.0"])
@pytest.mark.parametrize("with_extract", [False, True])
def test_the_official_schema_has_one_objection_to_18_1_and_none_to_26_1(release, with_extract, tmp_path):
    path = SCHEMAS / f"twb_{release}.xsd"
    if not path.exists():
        pytest.skip(f"Tableau's schemas are not part of the project and not at {SCHEMAS}")
    from lxml import etree

    stubs = {
        "http://www.tableausoftware.com/xml/user": '<xs:attributeGroup name="UserAttributes-AG">'
        '<xs:anyAttribute namespace="##targetNamespace" processContents="lax"/></xs:attributeGroup>',
        "http://www.w3.org/XML/1998/namespace": '<xs:attribute name="base" type="xs:anyURI"/>',
    }
    tree = etree.parse(path)
    for number, imported in enumerate(tree.getroot().findall(f"{XSD}import")):
        space = imported.get("namespace")
        stub = tmp_path / f"{number}.xsd"
        stub.write_text(f'<xs:schema xmlns:xs="{XSD[1:-1]}" targetNamespace="{space}">{stubs[space]}</xs:schema>')
        imported.set("schemaLocation", str(stub))
    schema = etree.XMLSchema(tree)
    for version, objections in (("18.1", 1), ("26.1", 0)):
        schema.validate(etree.fromstring(render(Server(), with_extract=with_extract, version=version)))
        assert len(schema.error_log) == objections
        assert all("explain-data" in error.message for error in schema.error_log)
