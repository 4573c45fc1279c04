"""Run with a copy of the packages in which the contract has a column more.

python -m tests.upgrade.grown_contract LAKE RAW < warehouse.json
"""

import json
import os
import sys
from pathlib import Path

from pydantic import SecretStr

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from infrastructure.local.spark import prepare
from scripts import dictionary
from serving.tableau.workbook import Server, render
from serving.warehouse.statements import execute
from tasks.warehouse import load_warehouse, loaded_version

NEW = "data_usage_gb"


def main() -> None:
    lake, raw = (Path(text) for text in sys.argv[1:3])
    os.environ.update(prepare(fast_start=True, cores=1).environment)
    from tests.support.pipeline import PipelineHarness

    given = json.load(sys.stdin)
    warehouse = RedshiftWarehouse(**{**given, "password": SecretStr(given["password"])})
    platform = Platform(lake=str(lake), jobs=LocalGlueJob(), warehouse=warehouse)
    pipeline = PipelineHarness(lake)
    silver = pipeline.load(raw, max_quarantined_share="0.9")["silver.customers"]
    exported = pipeline.job("export", warehouse_version=str(loaded_version.fn(platform)))["export.warehouse"]
    load = load_warehouse.fn(platform, exported.version_after)
    with warehouse.connection() as connection:
        in_warehouse = execute(connection, f"SELECT customer_id, {NEW} FROM customer_churn_dashboard WHERE {NEW} > 0")
        (comment,) = execute(connection, f"SELECT count(*), count({NEW}) FROM customer_churn_analysis")
    facts = {
        "incremental": load.rows_loaded < load.table_rows,
        "quarantined": list(silver.quarantined_examples),
        "warehouse": [[key, str(value)] for key, value in in_warehouse],
        "filled": list(comment),
        "dictionary": [line for line in dictionary.render().splitlines() if NEW in line],
        "workbook": NEW in render(Server()).decode(),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
