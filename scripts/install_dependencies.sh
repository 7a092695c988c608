#!/usr/bin/env bash
# Installs what anymetal is built from on Debian 12 (docs/dependencies.md says why each). Does nothing, and needs no
# rights, where everything is there already.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache mold
  llvm-19-dev libclang-19-dev libclang-cpp19 clang-19
  libcli11-dev libfmt-dev nlohmann-json3-dev libxxhash-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  python3 python3-pip git ca-certificates
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "these packages are missing and there is no sudo: run this as root" >&2; exit 1; }
  as_root=(sudo)
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get -qq update &&
       "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"; } \
     >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
