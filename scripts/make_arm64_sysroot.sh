#!/usr/bin/env bash
# Unpacks Debian 12's arm64 packages that anymetal is built from, and an emulator, under a folder: nothing is installed
# and no rights are needed. docs/aarch64.md says how to build and run the tests with it.
#
# make_arm64_sysroot.sh FOLDER    (FOLDER/root is the sysroot, FOLDER/qemu-aarch64 the emulator; 2.5 GB)
set -euo pipefail

[ $# = 1 ] || { echo "usage: make_arm64_sysroot.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)

# The build needs these for the target; the compiler is this machine's clang-19.
packages=(
  libc6-dev libstdc++-12-dev
  llvm-19-dev libclang-19-dev libclang-cpp19
  libcli11-dev libfmt-dev nlohmann-json3-dev libxxhash-dev
  libgtest-dev libgmock-dev libbenchmark-dev
)

apt=$folder/apt
mkdir -p "$apt"/etc/apt/{apt.conf.d,preferences.d} "$apt"/var/lib/{apt/lists/partial,dpkg} "$apt"/var/cache/apt/archives/partial
: >"$apt/var/lib/dpkg/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
cat >"$apt/etc/apt/sources.list" <<END
deb [signed-by=$key] http://deb.debian.org/debian bookworm main
deb [signed-by=$key] http://deb.debian.org/debian bookworm-updates main
deb [signed-by=$key] http://deb.debian.org/debian-security bookworm-security main
END
# An apt of its own: other folders, another architecture, nothing known as installed.
options=(-qq -o "Dir=$apt" -o "Dir::State::status=$apt/var/lib/dpkg/status" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
arm64=("${options[@]}" -o APT::Architecture=arm64 -o APT::Architectures=arm64)

apt-get "${arm64[@]}" update
apt-get "${arm64[@]}" --no-install-recommends --download-only -y install "${packages[@]}"
# The folders that Debian merged into /usr: packages still name both.
mkdir -p "$folder/root/usr/lib"
ln -sfn usr/lib "$folder/root/lib"
for package in "$apt"/var/cache/apt/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink --no-same-owner -C "$folder/root"
done
# Links to absolute paths would lead to this machine's files.
find "$folder/root" -type l -lname '/*' -printf '%p\t%l\n' | while IFS=$'\t' read -r link target; do
  ln -sfn "$(realpath -m --relative-to "$(dirname "$link")" "$folder/root$target")" "$link"
done

mkdir -p "$folder/host"
if ! command -v qemu-aarch64-static >/dev/null; then
  amd64=("${options[@]}" -o "APT::Architecture=$(dpkg --print-architecture)" -o "APT::Architectures=$(dpkg --print-architecture)")
  apt-get "${amd64[@]}" update
  (cd "$folder/host" && apt-get "${amd64[@]}" download qemu-user-static)
  dpkg-deb --fsys-tarfile "$folder"/host/qemu-user-static_*.deb | tar -x -C "$folder/host" ./usr/bin/qemu-aarch64-static
  ln -sfn host/usr/bin/qemu-aarch64-static "$folder/qemu-aarch64"
else
  ln -sfn "$(command -v qemu-aarch64-static)" "$folder/qemu-aarch64"
fi
rm -rf "$apt/var/cache" "$folder"/host/*.deb
du -sh "$folder" >&2
