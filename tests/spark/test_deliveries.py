"""Deliveries measured on conformed rows."""

from contract.feeds import FEEDS
from tests.spark.frames import conformed_frame
from transforms.deliveries import measure, reasons, without

CUSTOMERS = FEEDS["customers"]


def _conformed(spark, *rows):
    """Rows of the batches and files given first in each."""
    cases = {
        f"C{n}": {"_batch_id": batch, "_source_file": file, **changes} for n, (batch, file, changes) in enumerate(rows)
    }
    return conformed_frame(spark, CUSTOMERS, cases)


def test_rows_are_counted_per_delivery(spark):
    typed = _conformed(
        spark,
        (1, "a", {}),
        (1, "a", {"churn": "?"}),
        (1, "a", {"churn": "!", "gender": "?"}),
        (1, "b", {}),
        (2, "a", {}),
    )
    found = {tuple(row) for row in measure(typed, CUSTOMERS).collect()}
    assert found == {(1, "a", "customers", 3, 2), (1, "b", "customers", 1, 0), (2, "a", "customers", 1, 0)}


def test_reasons_are_counted_without_what_was_received(spark):
    typed = _conformed(
        spark,
        *((1, "a", {"churn": "it's 'x' is y"}) for _ in range(3)),
        (1, "a", {"churn": "?", "tenure_months": "many"}),
        (1, "a", {"customer_id": None}),
        (2, "a", {"_parse_error": "2 fields, the header has 3"}),
    )
    found = {
        (row["_batch_id"], row["rule"]): (row["rows"], row["most_frequent"] and tuple(row["most_frequent"]))
        for row in reasons(typed).collect()
    }
    (tenure,) = (rule for _, rule in found if rule.startswith("tenure_months is not a whole number from "))
    assert found == {
        (1, "churn is not yes or no"): (4, (3, "it's 'x' is y")),
        (1, tenure): (1, (1, "many")),
        (1, "customer_id: missing"): (1, None),
        (2, "record: 2 fields, the header has 3"): (1, None),
    }


def test_deliveries_are_left_out_by_batch_and_file(spark):
    typed = _conformed(spark, (1, "a", {}), (1, "2/a", {}), (2, "a", {}), (12, "a", {}))
    left = without(typed, {(2, "a"), (1, "b")})
    assert sorted((row["_batch_id"], row["_source_file"]) for row in left.collect()) == [
        (1, "2/a"),
        (1, "a"),
        (12, "a"),
    ]
    assert without(typed, set()) is typed
