"""The baseline of the benchmark: Spark's defaults, one CSV in, the five churn columns, Parquet out.

No Delta, no gate, no types beyond Spark's guesses, no warehouse: the least a script can do.

python benchmarks/bare_script.py CSV OUT
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def main(source: str, target: str) -> None:
    """Read one CSV of whole customer records and write them with the churn columns."""
    session = SparkSession.builder.appName("bare").getOrCreate()
    rows = session.read.csv(source, header=True, inferSchema=True, quote='"', escape='"')
    tenure, is_churned = F.col("Tenure_Months"), F.col("Churn_Label") == "Yes"
    group = F.when(tenure <= 12, "0-12").when(tenure <= 24, "13-24").otherwise("25+")
    score = F.when(is_churned, 100 - 1.5 * tenure).otherwise(0.0)
    is_valuable, is_risky = F.col("computed_cltv") > 2000, F.col("computed_churn_score") > 60
    segment = (
        F.when(is_valuable & is_risky, "High-Value, High-Risk")
        .when(is_valuable, "High-Value, Low-Risk")
        .when(is_risky, "Low-Value, High-Risk")
        .otherwise("Low-Value, Low-Risk")
    )
    scored = (
        rows.select([F.col(f"`{name}`").alias(name.replace(" ", "_")) for name in rows.columns])
        .withColumn("churn_flag", is_churned.cast("int"))
        .withColumn("computed_cltv", F.col("Monthly_Charges") * tenure)
        .withColumn("customer_tenure_group", group)
        .withColumn("computed_churn_score", score)
        .withColumn("risk_segment", segment)
    )
    scored.write.mode("overwrite").parquet(target)


if __name__ == "__main__":
    main(*sys.argv[1:3])
