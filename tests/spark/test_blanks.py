"""Blank values where bronze has null for blank and for absent."""

from contract.feeds import FEEDS
from tests.spark.frames import assert_cases, bronze_frame, by_name
from transforms.blanks import with_blanks

BILLING = FEEDS["billing"]
NOTHING = {"churn_reason": None, "source_cltv": None, "total_charges": None, "updated_at": None}


def test_null_is_blank_where_the_file_has_the_column(spark):
    cases = {
        "has both": (NOTHING, ("", "")),
        "lacks one": (NOTHING, ("", None)),
        "not known": (NOTHING, (None, None)),
        "other batch": (NOTHING | {"_batch_id": 2}, (None, None)),
        "values": (NOTHING | {"churn_reason": "Moved", "source_cltv": "7"}, ("Moved", "7")),
        "unparsable": (NOTHING | {"_parse_error": "not 3 fields"}, (None, None)),
    }
    lacking = {(1, name): () for name in cases if name != "not known"} | {(1, "lacks one"): ("source_cltv", "city")}
    bronze = bronze_frame(spark, BILLING, {name: changes for name, (changes, _) in cases.items()})
    completed = with_blanks(bronze, BILLING, lacking)
    assert completed.columns == bronze.columns
    found = by_name(completed.collect(), "_source_file")
    assert_cases(
        {name: (row["churn_reason"], row["source_cltv"]) for name, row in found.items()},
        {name: expected for name, (_, expected) in cases.items()},
    )
    assert all(row["total_charges"] is None and row["updated_at"] is None for row in found.values()), (
        "optional ones only"
    )
