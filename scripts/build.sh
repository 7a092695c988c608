#!/usr/bin/env bash
# build.sh [TARGET...]: installs what is missing and builds the release preset (or $ANYMETAL_PRESET).
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${ANYMETAL_PRESET:-release}
scripts/install_dependencies.sh
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" ${1:+--target "$@"}
