"""Load an export in a process of its own that kills itself around one statement.

python -m tests.flows.crash_load VERSION STATEMENT_PREFIX before|after < platform.json
"""

import json
import os
import signal
import sys

from pydantic import SecretStr

from blocks.glue import LocalGlueJob
from blocks.platform import Platform
from blocks.redshift import RedshiftWarehouse
from tasks import warehouse


def _arm(prefix: str, moment: str) -> None:
    original = warehouse.run

    def deadly(connection, sql, parameters=()):
        hit = sql.startswith(prefix)
        if hit and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        rows = original(connection, sql, parameters)
        if hit and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

    warehouse.run = deadly


def main() -> None:
    version, prefix, moment = sys.argv[1:4]
    given = json.load(sys.stdin)
    block = RedshiftWarehouse(**{**given["warehouse"], "password": SecretStr(given["warehouse"]["password"])})
    _arm(prefix, moment)
    warehouse.load_warehouse.fn(Platform(lake=given["lake"], jobs=LocalGlueJob(), warehouse=block), int(version))
    print("survived")


if __name__ == "__main__":
    main()
