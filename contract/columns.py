"""Every value that the operator sends about a customer, declared once.

Feeds, header spellings, the typed schema, row rules, quarantine messages, DDL and the data dictionary derive from
here: a new column is one entry of `COLUMNS`, then `make docs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from contract.errors import ContractError

KEY = "customer_id"
EVENT_TIME = "updated_at"

# Longest values that the row rules accept; UTF-8 needs up to four bytes a character.
MAX_KEY_LENGTH = 64
MAX_TEXT_LENGTH = 200
BYTES_PER_CHARACTER = 4

# Bounds of an event time: an earlier one is a clock or a spreadsheet at its day 0, a later one would win for ever.
EARLIEST_EVENT_DAY = "1970-01-01"
MAX_DAYS_AHEAD = 1
"""Days after the time of ingestion."""

# What programs write where there is no value, in lower case; any case counts. A column whose values or spellings know the
# word keeps its own meaning.
NULL_WORDS = ("null", "\\n", "nan", "nat", "none", "n/a", "#n/a", "<na>")

YES = ("yes", "y", "true", "t", "1")
NO = ("no", "n", "false", "f", "0")
_NUMERIC = ("int", "bigint", "double", "decimal")

Spellings = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Column:
    """One attribute of a customer.

    `type` is Spark SQL's. A `required` column must be in every file that carries its `part` of the record, with a
    value in every row; where a file lacks another one, what is known of it stays. `aliases` are further header
    spellings. `values` maps each allowed value to further spellings of it; `bounds` are the inclusive limits of a
    number. `identifies` says that the value tells, with little else, who a customer is. `in_gold` says whether the
    churn analysis carries the column.
    Raises ContractError for a declaration that is incomplete.
    """

    name: str
    type: str
    part: str
    comment: str
    required: bool = True
    aliases: tuple[str, ...] = ()
    values: Spellings = field(default_factory=dict)
    bounds: tuple[float, float] | None = None
    unit: str = ""
    identifies: bool = False
    in_gold: bool = True

    def __post_init__(self) -> None:
        if self.is_number and self.bounds is None:
            raise ContractError(f"column {self.name}: a number needs bounds=(lowest, highest)")
        if self.values and self.type != "string":
            raise ContractError(f"column {self.name}: only a string can have values, not a {self.type}")

    @property
    def is_number(self) -> bool:
        """Return whether values are numbers, with bounds."""
        return self.type.startswith(_NUMERIC)

    @property
    def is_free_text(self) -> bool:
        """Return whether any text is allowed, up to `MAX_TEXT_LENGTH` characters."""
        return self.type == "string" and not self.values

    @property
    def null_words(self) -> tuple[str, ...]:
        """Return the words, in lower case, that mean that there is no value."""
        known = {spelling for value, others in self.values.items() for spelling in (value.lower(), *others)}
        return tuple(word for word in NULL_WORDS if word not in known)

    @property
    def description(self) -> str:
        """Return meaning and unit in one line."""
        return f"{self.comment}, {self.unit}" if self.unit else self.comment


_MAX_TOTAL = 10_000_000
_ADD_ON: Spellings = {"Yes": YES, "No": NO, "No internet service": ("nointernet",)}
_ADD_ON_COMMENT = "Yes, No or No internet service"

COLUMNS: tuple[Column, ...] = (
    Column(
        "gender", "string", "demographics", "Male or Female", aliases=("sex",),
        values={"Male": ("m", "man"), "Female": ("f", "woman")},
    ),
    Column("senior_citizen", "boolean", "demographics", "65 years or older", aliases=("senior",)),
    Column("partner", "boolean", "demographics", "Lives with a partner"),
    Column("dependents", "boolean", "demographics", "Lives with dependents"),
    Column("country", "string", "location", "Country of residence", required=False),
    Column("state", "string", "location", "State of residence", required=False),
    Column("city", "string", "location", "City of residence", required=False),
    Column(
        "zip_code", "string", "location", "Postal code of residence", required=False, aliases=("zip", "postal_code"),
        identifies=True,
    ),
    Column(
        "latitude", "double", "location", "Latitude of residence", required=False, bounds=(-90, 90), unit="degrees",
        identifies=True,
    ),
    Column(
        "longitude", "double", "location", "Longitude of residence", required=False, bounds=(-180, 180), unit="degrees",
        identifies=True,
    ),
    Column("phone_service", "boolean", "services", "Has home phone service"),
    Column(
        "multiple_lines", "string", "services", "Yes, No or No phone service",
        values={"Yes": YES, "No": NO, "No phone service": ("nophone",)},
    ),
    Column(
        "internet_service", "string", "services", "DSL, Fiber optic or No",
        values={"DSL": (), "Fiber optic": ("fiber", "fibre", "fibreoptic"), "No": (*NO, "none")},
    ),
    Column("online_security", "string", "services", _ADD_ON_COMMENT, values=_ADD_ON),
    Column("online_backup", "string", "services", _ADD_ON_COMMENT, values=_ADD_ON),
    Column("device_protection", "string", "services", _ADD_ON_COMMENT, values=_ADD_ON),
    Column("tech_support", "string", "services", _ADD_ON_COMMENT, values=_ADD_ON),
    Column("streaming_tv", "string", "services", _ADD_ON_COMMENT, aliases=("streaming_television",), values=_ADD_ON),
    Column("streaming_movies", "string", "services", _ADD_ON_COMMENT, values=_ADD_ON),
    Column(
        "tenure_months", "int", "billing", "Time with the operator", aliases=("tenure",), bounds=(0, 1200),
        unit="months",
    ),
    Column(
        "contract", "string", "billing", "Month-to-month, One year or Two year",
        values={
            "Month-to-month": ("monthly", "1month"), "One year": ("1year",), "Two year": ("twoyears", "2year", "2years"),
        },
    ),
    Column("paperless_billing", "boolean", "billing", "Bills are sent electronically"),
    Column(
        "payment_method", "string", "billing",
        "Electronic check, Mailed check, Bank transfer (automatic) or Credit card (automatic)",
        values={
            "Electronic check": ("echeck",), "Mailed check": (), "Bank transfer (automatic)": ("banktransfer",),
            "Credit card (automatic)": ("creditcard",),
        },
    ),
    Column(
        "monthly_charges", "decimal(10,2)", "billing", "Charge of the current month", aliases=("monthly_charge",),
        bounds=(0, 10_000), unit="USD",
    ),
    Column(
        "total_charges", "decimal(12,2)", "billing", "Charges since the start of the contract",
        aliases=("total_charge",), bounds=(0, _MAX_TOTAL), unit="USD",
    ),
    Column("churn", "boolean", "billing", "The customer has left", aliases=("churn_label",)),
    Column(
        "source_churn_score", "int", "assessment", "Churn score of the source system, 0 to 100", required=False,
        aliases=("churn_score",), bounds=(0, 100),
    ),
    Column(
        "source_cltv", "int", "assessment", "Customer lifetime value of the source system", required=False,
        aliases=("cltv",), bounds=(0, _MAX_TOTAL), unit="USD",
    ),
    Column("churn_reason", "string", "assessment", "Reason given for leaving", required=False),
)  # fmt: skip

# Header spellings of the columns that are not attributes of a customer: key, event time, and what only bronze keeps.
OTHER_ALIASES: dict[str, tuple[str, ...]] = {
    KEY: (),
    EVENT_TIME: ("last_updated", "event_time", "event_at", "modified_at"),
    "churn_value": (),
    "record_count": ("count",),
    "lat_long": (),
}

COLUMN: dict[str, Column] = {column.name: column for column in COLUMNS}


def columns_in(part: str) -> Sequence[Column]:
    """Return the columns of a part of the record, in the order of their declaration."""
    return [column for column in COLUMNS if column.part == part]
