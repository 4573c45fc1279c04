"""The same suite gives the same verdicts on pandas and on Spark."""

import pytest
from pyspark.sql.types import StructField, StructType

from contract.tables import TABLES
from tests.support.records import GOOD
from transforms.spark_schema import spark_type


def _rows(spark, changes):
    """Rows of silver.customers with what the suite looks at."""
    schema = TABLES["silver.customers"].schema
    base = dict.fromkeys(schema.names) | {"customer_id": "a", "is_complete": True}
    given = {k: v for k, v in GOOD.items() if isinstance(v, str) and schema[k].type == "string"}
    nullable = StructType([StructField(field.name, spark_type(field.type)) for field in schema])
    return spark.createDataFrame(
        [tuple((base | given | change)[n] for n in schema.names) for change in changes], nullable
    )


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ([], set()),
        ([{}, {"customer_id": "b", "tenure_months": 5}], set()),
        ([{}, {}], {"customer_id"}),
        ([{"customer_id": "b", "contract": "Weekly", "tenure_months": -1}], {"contract", "tenure_months"}),
    ],
)
def test_both_engines_give_same_verdicts(spark, changes, failing):
    from expectations.checkpoint import check_rows
    from expectations.suites import rows_suite

    rows = _rows(spark, changes)
    suite = rows_suite("silver.customers")
    on_spark = {(c.expectation, c.subject): c for c in check_rows(rows, suite)}
    on_pandas = {(c.expectation, c.subject): c for c in check_rows(rows.toPandas(), suite)}
    assert on_spark.keys() == on_pandas.keys()
    assert {k: (c.success, c.broken) for k, c in on_spark.items()} == {
        k: (c.success, c.broken) for k, c in on_pandas.items()
    }
    assert {subject for (_, subject), c in on_spark.items() if not c.success} == failing
    assert not any(c.broken for c in on_spark.values())


def test_missing_column_is_broken_on_both(spark):
    from expectations.checkpoint import check_rows
    from expectations.suites import rows_suite

    rows = spark.createDataFrame([("x", "open")], "record_id string, status string")
    for frame in (rows, rows.toPandas()):
        found = {c.subject: c for c in check_rows(frame, rows_suite("silver.quarantine"))}
        assert found["raw_record"].broken
        assert not found["raw_record"].success
        assert found["status"].success


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("a", 1)],
        [(None, None)],
        [(None, None), (None, None)],
        [("a", 1), ("b", 10), (None, None)],
        [("a", 1), ("a", 2)],
        [("a", None), ("a", None), ("b", 3)],
        [("z", 11), ("b", -1)],
    ],
)
def test_screened_checks_equal_great_expectations(spark, rows, monkeypatch):
    import great_expectations.expectations as gxe
    from great_expectations.core import ExpectationSuite

    from expectations import checkpoint

    frame = spark.createDataFrame(rows, "name string, number int").persist()
    suite = ExpectationSuite(
        name="every kind",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="name"),
            gxe.ExpectColumnValuesToBeUnique(column="name"),
            gxe.ExpectColumnValuesToBeInSet(column="name", value_set=["a", "b"]),
            gxe.ExpectColumnValuesToBeBetween(column="number", min_value=0, max_value=10),
            gxe.ExpectCompoundColumnsToBeUnique(column_list=["name", "number"]),
        ],
    )
    screened = checkpoint.check_rows(frame, suite)
    monkeypatch.setattr(checkpoint, "met_by_every_row", lambda batch, expectations: {})
    assert [_facts(check) for check in screened] == [_facts(check) for check in checkpoint.check_rows(frame, suite)]


def _facts(check):
    return (check.expectation, check.success, check.broken, check.observed, check.failing_percent, check.examples)
