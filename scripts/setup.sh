#!/bin/sh
# The environment in .venv, from requirements.lock alone, hashes checked.
set -eu
cd "$(dirname "$0")/.."
python=""
for candidate in python3.11 python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 &&
        "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || { echo "error: Python 3.11 is needed and was not found on the PATH." >&2; exit 1; }

if command -v uv >/dev/null 2>&1; then
    uv=uv
else
    uv=.uv/bin/uv
    if [ ! -x "$uv" ]; then
        echo "Installing uv ..."
        "$python" -m venv .uv
        version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.lock)
        .uv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$version"
    fi
fi
echo "Installing the environment ..."
[ -x .venv/bin/python ] || "$uv" venv --quiet --python "$python" .venv
"$uv" pip sync --quiet --require-hashes --python .venv/bin/python requirements.lock
"$uv" pip install --quiet --no-deps --no-build-isolation --python .venv/bin/python --editable .
