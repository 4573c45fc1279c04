#!/bin/sh
# Tests of the Glue script on what a version of Glue has: scripts/glue_tests.sh 5.1|6.0 [pytest's arguments]
#   5.1: Glue's Python modules in its versions, our wheels over them, and beside these only what Spark and the tests need.
#   6.0: its Spark and Delta, with ANSI casts. Everything else is pinned as ever, but for what Delta 4.2 needs older. (Glue 6.0
#        has Python 3.13; this environment has the project's 3.11.)
set -eu
cd "$(dirname "$0")/.."
glue=${1:-}
environment=.venv-glue-$glue
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
case $glue in
    5.1)
        options=--no-deps
        .venv/bin/python -m scripts.glue_pins >"$pins"
        ;;
    6.0)
        options=
        sed -n 's/^\([A-Za-z0-9][^ ]*==[^ ]*\).*/\1/p' requirements.lock |
            grep -v -E '^(pyspark|delta-spark|py4j|importlib-metadata)==' >"$pins"
        printf '%s\n' pyspark==4.1.1 delta-spark==4.2.0 >>"$pins"
        ;;
    *)
        echo "error: say on which Glue the tests run: scripts/glue_tests.sh 5.1|6.0 [pytest's arguments]" >&2
        exit 2
        ;;
esac
shift
if ! cmp -s "$pins" "$environment/pins.txt"; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$environment"
    .venv/bin/uv pip install --quiet $options --python "$environment/bin/python" -r "$pins"
    .venv/bin/uv pip check --quiet --python "$environment/bin/python"
    cp "$pins" "$environment/pins.txt"
fi
"$environment/bin/python" -m pytest "$@"
