"""The fields of the data source: columns of the warehouse's view, and calculations on them."""

from dataclasses import dataclass

from contract.metrics import DIMENSIONS, HEADLINES, METRICS, METRICS_BY_DIMENSION, SECONDARY
from contract.schemas.gold import ANALYSIS_VIEW
from serving.tableau.formulas import REASON, STATE, metric_formula, number_format

REASON_FIELD, STATE_FIELD = "churn_reason_shown", "churn_state"
_TYPES = {"int": "integer", "bigint": "integer", "boolean": "boolean", "double": "real", "string": "string",
          "timestamp": "datetime", "date": "date"}  # fmt: skip
_REMOTE_TYPES = {"integer": "3", "boolean": "11", "real": "131", "string": "129", "datetime": "135", "date": "7"}
_AMOUNTS = ("monthly_charges", "total_charges", "cltv", "churn_score", "source_cltv", "source_churn_score")
_CONTINUOUS = (*_AMOUNTS, "tenure_months")


@dataclass(frozen=True)
class Field:
    """A field; `formula` is empty for a column of the view. `datatype` and `role` are Tableau's terms."""

    name: str
    caption: str
    datatype: str
    role: str
    formula: str = ""
    format: str = ""
    comment: str = ""

    @property
    def remote_type(self) -> str:
        """Return Tableau's number of the database's type."""
        return _REMOTE_TYPES[self.datatype]

    @property
    def is_aggregate(self) -> bool:
        """Return whether it is a calculation that aggregates rows."""
        return self.role == "measure" and bool(self.formula)

    @property
    def kind(self) -> str:
        """Return Tableau's type: quantitative or nominal."""
        return "quantitative" if self.role == "measure" else "nominal"

    @property
    def instance(self) -> str:
        """Return its name in a sheet: as it is, or as its own aggregation."""
        if self.is_aggregate:
            return f"usr:{self.name}:qk"
        return f"none:{self.name}:{'qk' if self.role == 'measure' else 'nk'}"

    @property
    def derivation(self) -> str:
        """Return how a sheet derives it: User for an aggregate, else None."""
        return "User" if self.is_aggregate else "None"


def _column(name: str, spark_type: str, comment: str) -> Field:
    datatype = "real" if spark_type.startswith("decimal") else _TYPES[spark_type]
    role = "measure" if name in _CONTINUOUS else "dimension"
    caption = DIMENSIONS[name].label if name in DIMENSIONS else name.replace("_", " ").capitalize()
    return Field(name, caption, datatype, role, comment=comment)


COLUMNS: tuple[Field, ...] = tuple(_column(f.name, f.type, f.comment) for f in ANALYSIS_VIEW)
CALCULATIONS: tuple[Field, ...] = (
    Field(REASON_FIELD, "Churn reason, all customers", "string", "dimension", REASON),
    Field(STATE_FIELD, "Churned or retained", "string", "dimension", STATE),
    *(
        Field(name, metric.label, "real", "measure", metric_formula(metric), number_format(metric), metric.definition)
        for name, metric in (METRICS | METRICS_BY_DIMENSION).items()
        if name in {*HEADLINES, *SECONDARY.values(), *METRICS_BY_DIMENSION, "monthly_revenue_retained"}
    ),
)
FIELDS: dict[str, Field] = {field.name: field for field in (*COLUMNS, *CALCULATIONS)}
