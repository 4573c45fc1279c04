"""What a Glue worker does: run the script with its arguments; one JSON line of arguments in, one answer out."""

import json
import logging
import os
import runpy
import sys
import traceback


class _Said(logging.Handler):
    """What the script says, as CloudWatch would have it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def main() -> None:
    script = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import transforms

    assert ".zip" in transforms.__file__, f"not from the archive: {transforms.__file__}"
    said = _Said()
    logging.getLogger("churn").addHandler(said)
    for line in sys.stdin:
        said.lines.clear()
        sys.argv = [script, *json.loads(line)]
        try:
            runpy.run_path(script, run_name="__main__")
        except Exception as error:  # noqa: BLE001 (as Glue does: any error is the run's)
            traceback.print_exc()
            problem = f"{type(error).__name__}: {error}"
        else:
            problem = None
        answers.write(json.dumps({"error": problem, "said": said.lines}) + "\n")
        answers.flush()


main()
