"""What a Glue worker does: run the script with its arguments; one JSON line of arguments in, one answer out."""

import json
import os
import runpy
import sys
import traceback


def main() -> None:
    script = sys.argv[1]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import transforms

    assert ".zip" in transforms.__file__, f"not from the archive: {transforms.__file__}"
    for line in sys.stdin:
        sys.argv = [script, *json.loads(line)]
        try:
            runpy.run_path(script, run_name="__main__")
        except Exception as error:  # noqa: BLE001 (as Glue does: any error is the run's)
            traceback.print_exc()
            problem = f"{type(error).__name__}: {error}"
        else:
            problem = None
        answers.write(json.dumps({"error": problem}) + "\n")
        answers.flush()


main()
