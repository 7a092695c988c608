#!/usr/bin/env bash
# test.sh [CTEST ARGUMENT...]: from a fresh clone to the tests. Installs what is missing, builds, fetches Gemma 3 270M for
# the tests that need it (they are reported as skipped without it) and runs everything but the exhaustive `full` tables.
# The development build: assertions on.
set -euo pipefail
cd "$(dirname "$0")/.."
export ANYMETAL_PRESET=${ANYMETAL_PRESET:-dev}
preset=$ANYMETAL_PRESET
scripts/build.sh
"build/$preset/anymetal" fetch gemma3-270m >/dev/null ||
  echo "WARNING: the model cannot be had: the tests that need it will be SKIPPED" >&2
exec ctest --preset "$preset" --parallel "$(nproc)" --label-exclude '^full$' "$@"
