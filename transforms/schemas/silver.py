"""silver.customers and silver.quarantine."""

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DecimalType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from transforms.feeds import GROUPS, KEY
from transforms.schemas.fields import field

# Longest values that the row rules let through; UTF-8 needs up to four bytes a character.
MAX_KEY = 64
MAX_TEXT = 200
_BYTES_PER_CHARACTER = 4
_FREE_TEXT = ("country", "state", "city", "zip_code", "churn_reason")

MONTHLY = DecimalType(10, 2)
TOTAL = DecimalType(12, 2)

_YES_NO_OR_NONE = "Yes, No or No internet service"

# column: (type, meaning and unit)
TYPED: dict[str, tuple[DataType, str]] = {
    "gender": (StringType(), "Male or Female"),
    "senior_citizen": (BooleanType(), "65 years or older"),
    "partner": (BooleanType(), "Lives with a partner"),
    "dependents": (BooleanType(), "Lives with dependents"),
    "country": (StringType(), "Country of residence"),
    "state": (StringType(), "State of residence"),
    "city": (StringType(), "City of residence"),
    "zip_code": (StringType(), "Postal code of residence"),
    "latitude": (DoubleType(), "Latitude of residence, degrees"),
    "longitude": (DoubleType(), "Longitude of residence, degrees"),
    "phone_service": (BooleanType(), "Has home phone service"),
    "multiple_lines": (StringType(), "Yes, No or No phone service"),
    "internet_service": (StringType(), "DSL, Fiber optic or No"),
    "online_security": (StringType(), _YES_NO_OR_NONE),
    "online_backup": (StringType(), _YES_NO_OR_NONE),
    "device_protection": (StringType(), _YES_NO_OR_NONE),
    "tech_support": (StringType(), _YES_NO_OR_NONE),
    "streaming_tv": (StringType(), _YES_NO_OR_NONE),
    "streaming_movies": (StringType(), _YES_NO_OR_NONE),
    "tenure_months": (IntegerType(), "Months with the operator"),
    "contract": (StringType(), "Month-to-month, One year or Two year"),
    "paperless_billing": (BooleanType(), "Bills are sent electronically"),
    "payment_method": (
        StringType(),
        "Electronic check, Mailed check, Bank transfer (automatic) or Credit card (automatic)",
    ),
    "monthly_charges": (MONTHLY, "Charge of the current month, USD"),
    "total_charges": (TOTAL, "Charges since the start of the contract, USD"),
    "churn": (BooleanType(), "The customer has left"),
    "source_churn_score": (IntegerType(), "Churn score of the source system, 0 to 100"),
    "source_cltv": (IntegerType(), "Customer lifetime value of the source system, USD"),
    "churn_reason": (StringType(), "Reason given for leaving"),
}


def _typed(column: str) -> StructField:
    kind, comment = TYPED[column]
    size = {"max_bytes": MAX_TEXT * _BYTES_PER_CHARACTER} if column in _FREE_TEXT else {}
    return StructField(column, kind, True, {"comment": comment, **size})


CUSTOMERS = StructType(
    [
        field(KEY, StringType(), "Customer number of the operator", nullable=False),
        *(_typed(column) for group in GROUPS for column in group.columns),
        field("is_complete", BooleanType(), "Every required column group has arrived", nullable=False),
        *(
            field(group.event_column, TimestampType(), f"Event time of the {group.name} values, UTC")
            for group in GROUPS
        ),
        field("_batch_id", LongType(), "Ingest batch that changed the row last", nullable=False),
    ]
)

QUARANTINE = StructType(
    [
        field(
            "record_id",
            StringType(),
            "Identity of the rejected record: hash of feed, batch, file and content",
            nullable=False,
        ),
        field("feed", StringType(), "Feed that the record belongs to", nullable=False),
        field(KEY, StringType(), "Customer number, where it could be read"),
        field(
            "reasons", ArrayType(StringType(), containsNull=False), "Every rule that the record breaks", nullable=False
        ),
        field("source_file", StringType(), "Path of the file below the raw folder", nullable=False),
        field("raw_record", StringType(), "The record as received: the raw line, or its columns as JSON"),
        field("occurrences", LongType(), "How often the same record stands in the file", nullable=False),
        field("event_at", TimestampType(), "Event time of the record, UTC", nullable=False),
        field("batch_id", LongType(), "Ingest batch that brought the record", nullable=False),
        field("ingested_at", TimestampType(), "When the batch was read, UTC", nullable=False),
        field("status", StringType(), "open or resolved", nullable=False),
        field("resolved_by_batch", LongType(), "Ingest batch whose valid record resolved this one"),
    ]
)
