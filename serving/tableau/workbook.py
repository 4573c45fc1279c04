"""The workbook as XML: one data source, a sheet per card and visual, one dashboard with filters on every sheet."""

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from contract.churn import HIGH_RISK_SCORE, HIGH_VALUE_CLTV
from contract.columns import KEY
from contract.metrics import AT_RISK, HEADLINES, METRICS
from serving.dashboard.content import CALLS, CHARGES, CONTRACTS, FILTERS, FUNNEL, MATRIX, PAYMENT, REASONS, TITLE
from serving.tableau.fields import CALCULATIONS, COLUMNS, FIELDS, REASON_FIELD, STATE_FIELD, Field
from serving.warehouse.sql import VIEW

DATABASE = "telecom_churn"
EXTRACT_TABLE = "Extract"
EXTRACT = "Data/Extracts/telecom_churn.hyper"
DASHBOARD = TITLE
_SOURCE = "federated.churnlakehouse"
_CONNECTION = "redshift.churnlakehouse"
_USER = "http://www.tableausoftware.com/xml/user"
_FILTERED = (*(REASON_FIELD if f.name == "churn_reason" else f.name for f in FILTERS), FUNNEL.by)
# Tableau validates a workbook against the schema of exactly the features that it declares: an element of another
# feature is an error. These cover ids of sheets and windows, sorts, zones and extracts.
_FEATURES = (
    "ObjectModelExtractV2", "SetMembershipControl", "SheetIdentifierTracking", "SortTagCleanup",
    "WindowsPersistSimpleIdentifiers",
)  # fmt: skip
_WHOLE, _FIRST_CARD = 100_000, 2
_CHURNED, _RETAINED = "#c8551b", "#2f6db3"


@dataclass(frozen=True)
class Server:
    """The warehouse of the live connection; a workbook contains no password."""

    host: str = "localhost"
    port: int = 5439
    database: str = DATABASE
    schema: str = "public"
    user: str = ""


@dataclass(frozen=True)
class Sheet:
    """A worksheet: `rows`, `columns` and encodings are names of fields; lines are (axis, value).

    `order` is a field and what its values are sorted by, the greatest first; `only` a boolean column that must be true.
    """

    name: str
    mark: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    encodings: tuple[tuple[str, str], ...] = ()
    lines: tuple[tuple[str, int], ...] = ()
    order: tuple[str, str] | None = None
    only: str = ""
    is_aggregated: bool = True

    @property
    def fields(self) -> list[Field]:
        """Return every field that it uses, including those it is filtered by."""
        names = [*self.rows, *self.columns, *(name for _, name in self.encodings), *(self.order or ()), *self.filtered]
        return [FIELDS[name] for name in dict.fromkeys(names)]

    @property
    def filtered(self) -> tuple[str, ...]:
        """Return the fields it is filtered by: the workbook's filters, then its own."""
        return (*_FILTERED, self.only) if self.only else _FILTERED


CARDS = tuple(Sheet(METRICS[name].label, "Text", encodings=(("text", name),)) for name in HEADLINES)
_LABELLED = ("text", "churn_rate")
VISUALS = (
    Sheet(FUNNEL.title, "Bar", rows=(FUNNEL.by,), columns=("churn_rate",), encodings=(_LABELLED,)),
    Sheet(
        MATRIX.title,
        "Circle",
        rows=(MATRIX.against,),
        columns=(MATRIX.by,),
        encodings=(("color", STATE_FIELD), ("lod", KEY)),
        lines=((MATRIX.by, HIGH_RISK_SCORE), (MATRIX.against, HIGH_VALUE_CLTV)),
        is_aggregated=False,
    ),
    Sheet("Customers by risk segment", "Text", rows=(MATRIX.split,), encodings=(("text", "customers"),)),
    Sheet(
        CHARGES.title,
        "Circle",
        rows=(CHARGES.against,),
        columns=(CHARGES.by,),
        encodings=(("color", CHARGES.split), ("lod", KEY)),
        is_aggregated=False,
    ),
    Sheet(
        PAYMENT.title,
        "Bar",
        rows=(PAYMENT.by,),
        columns=("monthly_revenue_lost", "monthly_revenue_retained"),
        encodings=(("tooltip", "mean_monthly_charges_of_churned"),),
    ),
    Sheet(
        REASONS.title,
        "Bar",
        rows=(REASON_FIELD,),
        columns=("churned_customers",),
        encodings=(("text", "churned_customers"),),
        order=(REASON_FIELD, "churned_customers"),
    ),
    Sheet(CONTRACTS.title, "Bar", rows=(CONTRACTS.by,), columns=("churn_rate",), encodings=(_LABELLED,)),
    Sheet(
        CALLS.title,
        "Text",
        rows=(CALLS.by, "city", "contract", "payment_method"),
        encodings=tuple(("text", name) for name in CALLS.metrics),
        order=(CALLS.by, CALLS.metrics[0]),
        only=AT_RISK.column,
    ),
)
SHEETS = (*CARDS, *VISUALS)


def render(server: Server, *, with_extract: bool = False, version: str = "18.1") -> bytes:
    """Return the workbook as XML. `with_extract` adds the extract at `EXTRACT`; `version` 26.1 adds what newer schemas require."""
    root = ET.Element(
        "workbook",
        {"source-build": "2024.1.0 (20241.24.0312.0830)", "source-platform": "win", "version": version},
    )
    root.set("xmlns:user", _USER)
    manifest = _add(root, "document-format-change-manifest")
    for feature in _FEATURES:
        _add(manifest, feature)
    preferences = _add(root, "preferences")
    _add(preferences, "preference", name="ui.encoding.shelf.height", value="24")
    _data_source(_add(root, "datasources"), server, with_extract=with_extract, version=version)
    sheets = _add(root, "worksheets")
    for sheet in SHEETS:
        _worksheet(sheets, sheet)
    _dashboard(_add(root, "dashboards"))
    _windows(root)
    if version != "18.1":
        explain = _add(root, "explain-data", enabled_for_viewer="true", extreme_values_enabled_for_all="false")
        _add(explain, "explanation-types")
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _add(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    """Add a child element; an underscore in an attribute's name is written as a hyphen."""
    child = ET.SubElement(parent, tag, {name.replace("_", "-"): value for name, value in attributes.items()})
    child.text = text or None
    return child


def _simple_id(parent: ET.Element, name: str) -> None:
    """Add an id that is the same in every build, so that a workbook differs only where its content does."""
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"churn-lakehouse/{parent.tag}/{name}")
    _add(parent, "simple-id", uuid="{" + str(identity).upper() + "}")


def _qualified(name: str) -> str:
    return f"[{_SOURCE}].[{FIELDS[name].instance}]"


def _data_source(parent: ET.Element, server: Server, *, with_extract: bool, version: str) -> None:
    source = _add(parent, "datasource", caption="Customer churn", inline="true", name=_SOURCE, version=version)
    connection = _add(source, "connection", **{"class": "federated"})
    named = _add(_add(connection, "named-connections"), "named-connection", caption=server.host, name=_CONNECTION)
    redshift = {
        "authentication": "auth-user-pass", "class": "redshift", "dbname": server.database,
        "odbc-connect-string-extras": "", "one-time-sql": "", "port": str(server.port), "schema": server.schema,
        "server": server.host, "single-node": "", "sslmode": "require", "username": server.user,
    }  # fmt: skip
    _add(named, "connection", **redshift)
    table = f"[{server.schema}].[{VIEW}]"
    _add(connection, "relation", connection=_CONNECTION, name=VIEW, table=table, type="table")
    _records(connection, VIEW)
    _add(source, "aliases", enabled="yes")
    for field in (*COLUMNS, *CALCULATIONS):
        _column(source, field)
    if with_extract:
        _extract(source)
    style = _add(_add(source, "style"), "style-rule", element="mark")
    _colours(style)


def _colours(rule: ET.Element) -> None:
    encoding = _add(rule, "encoding", attr="color", field=f"[{FIELDS[STATE_FIELD].instance}]", type="palette")
    for value, colour in (("Churned", _CHURNED), ("Retained", _RETAINED)):
        _add(_add(encoding, "map", to=colour), "bucket", f'"{value}"')


def _records(connection: ET.Element, table: str) -> None:
    records = _add(connection, "metadata-records")
    for ordinal, field in enumerate(COLUMNS, start=1):
        record = _add(records, "metadata-record", **{"class": "column"})
        for tag, text in (
            ("remote-name", field.name),
            ("remote-type", field.remote_type),
            ("local-name", f"[{field.name}]"),
            ("parent-name", f"[{table}]"),
            ("remote-alias", field.name),
            ("ordinal", str(ordinal)),
            ("local-type", field.datatype),
            ("aggregation", "Sum" if field.role == "measure" else "Count"),
            ("contains-null", "true"),
        ):
            _add(record, tag, text)


def _extract(source: ET.Element) -> None:
    extract = _add(source, "extract", count="-1", enabled="true", object_id="", units="records")
    hyper = {
        "access_mode": "readonly", "authentication": "auth-none", "author-locale": "en_US", "class": "hyper",
        "dbname": EXTRACT, "default-settings": "yes", "schema": "public", "sslmode": "", "tablename": EXTRACT_TABLE,
        "username": "tableau_internal_user",
    }  # fmt: skip
    connection = _add(extract, "connection", **hyper)
    _add(connection, "relation", name=EXTRACT_TABLE, table=f"[public].[{EXTRACT_TABLE}]", type="table")
    _records(connection, EXTRACT_TABLE)


def _column(parent: ET.Element, field: Field) -> None:
    column = _add(
        parent, "column", caption=field.caption, datatype=field.datatype, name=f"[{field.name}]", role=field.role,
        type=field.kind,
    )  # fmt: skip
    if field.format:
        column.set("default-format", field.format)
    if field.formula:
        _add(column, "calculation", formula=field.formula, **{"class": "tableau"})
    if field.comment:
        _add(_add(_add(column, "desc"), "formatted-text"), "run", field.comment)


def _worksheet(parent: ET.Element, sheet: Sheet) -> None:
    worksheet = _add(parent, "worksheet", name=sheet.name)
    table = _add(worksheet, "table")
    view = _add(table, "view")
    _uses(view, sheet.fields)
    for group, name in enumerate(_FILTERED, start=2):
        _filter(view, name, group)
    if sheet.only:
        _only(view, sheet.only)
    if sheet.order:
        ordered, by = sheet.order
        _add(view, "computed-sort", column=_qualified(ordered), direction="DESC", using=_qualified(by))
    slices = _add(view, "slices")
    for name in sheet.filtered:
        _add(slices, "column", _qualified(name))
    _add(view, "aggregation", value=str(sheet.is_aggregated).lower())
    _add(table, "style")
    pane = _add(_add(table, "panes"), "pane", selection_relaxation_option="selection-relaxation-allow")
    _add(_add(pane, "view"), "breakdown", value="auto")
    _add(pane, "mark", **{"class": sheet.mark})
    if sheet.encodings:
        encodings = _add(pane, "encodings")
        for kind, name in sheet.encodings:
            _add(encodings, kind, column=_qualified(name))
    for number, (axis, value) in enumerate(sheet.lines):
        _reference_line(pane, number, axis, value)
    if any(kind == "text" for kind, _ in sheet.encodings):
        rule = _add(_add(pane, "style"), "style-rule", element="mark")
        _add(rule, "format", attr="mark-labels-show", value="true")
    _add(table, "rows", _shelf(sheet.rows))
    _add(table, "cols", _shelf(sheet.columns))
    _simple_id(worksheet, sheet.name)


def _uses(parent: ET.Element, fields: Sequence[Field]) -> None:
    """Add the data source, the fields used of it and by their formulas, then how they are used."""
    _add(_add(parent, "datasources"), "datasource", caption="Customer churn", name=_SOURCE)
    depends = _add(parent, "datasource-dependencies", datasource=_SOURCE)
    needed = {field.name for field in fields}
    needed |= {name for name in FIELDS for field in fields if f"[{name}]" in field.formula}
    for name in sorted(needed):
        _column(depends, FIELDS[name])
    for field in sorted(fields, key=lambda field: field.name):
        _add(
            depends, "column-instance", column=f"[{field.name}]", derivation=field.derivation,
            name=f"[{field.instance}]", pivot="key", type=field.kind,
        )  # fmt: skip


def _filter(view: ET.Element, name: str, group: int) -> None:
    """Add a filter of the whole workbook: sheets share filters of the same group."""
    chosen = _add(view, "filter", column=_qualified(name), filter_group=str(group), **{"class": "categorical"})
    every = _add(chosen, "groupfilter", function="level-members", level=f"[{FIELDS[name].instance}]")
    every.set("user:ui-enumeration", "all")
    every.set("user:ui-marker", "enumerate")


def _only(view: ET.Element, name: str) -> None:
    """Add a filter of one sheet: a boolean column must be true."""
    chosen = _add(view, "filter", column=_qualified(name), **{"class": "categorical"})
    member = _add(chosen, "groupfilter", function="member", level=f"[{FIELDS[name].instance}]", member="true")
    member.set("user:ui-domain", "database")
    member.set("user:ui-enumeration", "inclusive")
    member.set("user:ui-marker", "enumerate")


def _reference_line(pane: ET.Element, number: int, axis: str, value: int) -> None:
    _add(
        pane, "reference-line", axis_column=_qualified(axis), enable_instant_analytics="true", formula="constant",
        id=f"refline{number}", label_type="value", scope="per-table", value=str(value), value_column=_qualified(axis),
        z_order=str(number + 1),
    )  # fmt: skip


def _shelf(names: Sequence[str]) -> str:
    """Write a shelf: measures side by side, dimensions nested."""
    *outer, inner = [_qualified(name) for name in names] or [""]
    sign = "+" if names and FIELDS[names[0]].role == "measure" else "/"
    for field in reversed(outer):
        inner = f"({field} {sign} {inner})"
    return inner


def _dashboard(parent: ET.Element) -> None:
    board = _add(parent, "dashboard", name=DASHBOARD)
    _add(board, "style")
    _add(board, "size", maxheight="1100", maxwidth="1300", minheight="1100", minwidth="1300")
    _uses(board, [FIELDS[name] for name in _FILTERED])
    zones = _add(board, "zones")
    canvas = _zone(zones, 1, (0, 0, _WHOLE, _WHOLE), type_v2="layout-basic")
    number = _FIRST_CARD
    for name, place in _places():
        _zone(canvas, number, place, name=name)
        number += 1
    step = _WHOLE // len(_FILTERED)
    for position, name in enumerate(_FILTERED):
        place = (position * step, 0, step, 6_000)
        zone = _zone(
            canvas, number, place, name=CARDS[0].name, param=_qualified(name), type_v2="filter", mode="checkdropdown"
        )
        zone.set("show-apply", "false")
        number += 1
    _simple_id(board, DASHBOARD)


def _places() -> list[tuple[str, tuple[int, int, int, int]]]:
    """The place of each sheet: x, y, width, height in hundred-thousandths."""
    card, half = _WHOLE // len(CARDS), _WHOLE // 2
    cards = [(sheet.name, (i * card, 6_000, card, 11_000)) for i, sheet in enumerate(CARDS)]
    funnel, matrix, segments, charges, payment, reasons, contracts, calls = (sheet.name for sheet in VISUALS)
    return [
        *cards,
        (funnel, (0, 17_000, half, 18_000)),
        (contracts, (0, 35_000, half, 15_000)),
        (matrix, (half, 17_000, half - 17_000, 33_000)),
        (segments, (_WHOLE - 17_000, 17_000, 17_000, 33_000)),
        (payment, (0, 50_000, half, 22_000)),
        (charges, (half, 50_000, half, 22_000)),
        (reasons, (0, 72_000, half, 28_000)),
        (calls, (half, 72_000, half, 28_000)),
    ]


def _zone(parent: ET.Element, number: int, place: tuple[int, int, int, int], **attributes: str) -> ET.Element:
    x, y, width, height = (str(n) for n in place)
    return _add(parent, "zone", h=height, id=str(number), w=width, x=x, y=y, **attributes)


def _windows(root: ET.Element) -> None:
    windows = _add(root, "windows", source_height="30")
    for sheet in SHEETS:
        window = _add(windows, "window", name=sheet.name, **{"class": "worksheet"})
        _cards(window)
        viewpoint = _add(window, "viewpoint")
        _add(viewpoint, "zoom", type="entire-view")
        _simple_id(window, sheet.name)
    window = _add(windows, "window", name=DASHBOARD, maximized="true", **{"class": "dashboard"})
    viewpoints = _add(window, "viewpoints")
    for sheet in SHEETS:
        _add(_add(viewpoints, "viewpoint", name=sheet.name), "zoom", type="entire-view")
    _add(window, "active", id=str(_FIRST_CARD))
    _simple_id(window, DASHBOARD)


def _cards(window: ET.Element) -> None:
    cards = _add(window, "cards")
    left = _add(_add(cards, "edge", name="left"), "strip", size="160")
    for kind in ("pages", "filters", "marks"):
        _add(left, "card", type=kind)
    top = _add(cards, "edge", name="top")
    for kind in ("columns", "rows"):
        _add(_add(top, "strip", size="31"), "card", type=kind)
