#!/usr/bin/env bash
# run.sh [PROMPT]: from a fresh clone to the main job. Installs what is missing, builds, fetches Gemma 3 270M and lets it
# write; where the model cannot be had, runs the built-in demonstration instead.
set -euo pipefail
cd "$(dirname "$0")/.."
prompt=${1:-The capital of France is}
scripts/build.sh anymetal_cli >&2
program=build/${ANYMETAL_PRESET:-release}/anymetal
if model=$("$program" fetch gemma3-270m); then
  exec "$program" generate --model "$model" --prompt "$prompt" --tokens 64
fi
echo "The model cannot be had (see above). Here is the demonstration that needs no file:" >&2
exec "$program" demo
