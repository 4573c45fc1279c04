"""Run jobs in a process of its own that kills itself at its n-th write.

python -m tests.spark.crash LAKE RAW N before|after
"""

import os
import signal
import sys
from pathlib import Path

from local.spark import prepare

WRITES = ("Lake._save", "Lake.merge", "Manifests.open", "Manifests.commit", "Results.write", "Exports.write")


def _arm(deadly: int, moment: str) -> None:
    from transforms.exports import Exports
    from transforms.results import Results
    from transforms.runtime.delta_io import Lake
    from transforms.runtime.manifests import Manifests

    classes = {"Lake": Lake, "Manifests": Manifests, "Results": Results, "Exports": Exports}
    count = 0

    def wrap(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def counted(*args, **kwargs):
            nonlocal count
            count += 1
            mine = count
            if mine == deadly and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*args, **kwargs)
            if mine == deadly and moment == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        setattr(owner, name, counted)

    for write in WRITES:
        owner, name = write.split(".")
        wrap(classes[owner], name)


def main() -> None:
    lake, raw, deadly, moment = sys.argv[1:5]
    os.environ.update(prepare(small=True).environment)
    _arm(int(deadly), moment)
    from tests.roads import Road

    road = Road(Path(lake))
    road.load(Path(raw))
    road.job("export")
    print("survived")


if __name__ == "__main__":
    main()
