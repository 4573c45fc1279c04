#!/bin/sh
# The Spark part of the tests on the Spark and Delta of Glue 6.0, with its ANSI casts. Everything else is pinned as ever, but for
# what Delta 4.2 needs older. (Glue 6.0 has Python 3.13; this environment has the project's 3.11.)
set -eu
cd "$(dirname "$0")/.."
environment=.venv-glue6
if ! test -f "$environment/ready" || test requirements.lock -nt "$environment/ready"; then
    .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$environment"
    pins=$(mktemp)
    trap 'rm -f "$pins"' EXIT
    sed -n 's/^\([A-Za-z0-9][^ ]*==[^ ]*\).*/\1/p' requirements.lock |
        grep -v -E '^(pyspark|delta-spark|py4j|importlib-metadata)==' >"$pins"
    .venv/bin/uv pip install --quiet --python "$environment/bin/python" -r "$pins" pyspark==4.1.1 delta-spark==4.2.0
    touch "$environment/ready"
fi
exec "$environment/bin/python" -m pytest tests/spark "$@"
