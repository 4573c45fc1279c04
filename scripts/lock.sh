#!/bin/sh
# requirements.lock from pyproject.toml: what is pinned stays, --upgrade takes the newest of everything; --check says whether
# they agree, and changes nothing.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile pyproject.toml --all-extras --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header --quiet "$@"
}
if [ "${1:-}" = "--check" ]; then
    # Starting from the present pins, only a change of pyproject.toml gives another result.
    fresh=$(mktemp)
    trap 'rm -f "$fresh"' EXIT
    cp requirements.lock "$fresh"
    compile --output-file "$fresh" >/dev/null
    cmp -s "$fresh" requirements.lock ||
        { echo "error: requirements.lock does not follow from pyproject.toml. Run: make lock" >&2; exit 1; }
else
    compile "$@" --output-file requirements.lock >/dev/null
fi
