#!/bin/sh
# A Chromium for the tests of the pages: installed where that needs no question, asked for elsewhere.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/python -c 'import sys; from serving.pages import find_browser; sys.exit(find_browser() is None)' && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium ..."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-liberation >/dev/null && exit 0
fi
echo "There is no Chromium here: tests of the pages will be skipped (Debian, Ubuntu: sudo apt install chromium)." >&2
