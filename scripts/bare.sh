#!/usr/bin/env bash
#
# bare.sh FOLDER   starts the release in FOLDER on bare systems, which have nothing but their essential packages: Debian 12 and 13 and
#                  Ubuntu 22.04, for both processors. It has to say what it is, and to run a network. What is not for this machine's
#                  processor is emulated.
#
# The systems come from the mirrors that apt is set to, or from those that DEBIAN_MIRROR and UBUNTU_MIRROR name, and are kept in
# .build/bare. A system without a mirror is left out, and it says so; one has to be there for each processor.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
# shellcheck source=scripts/mirror.sh
. scripts/mirror.sh

say() { printf 'facegate: bare: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# system puts the root of a system into a folder. Where its own programs do not run it is only unpacked.
system() {
  local suite=$1 arch=$2 from=$3 to=$4 kept=.build/bare/$1-$2.tar how=(--variant=essential)
  [[ $arch == "$(dpkg --print-architecture)" ]] || how=(--variant=extract --include='?essential')
  if [[ ! -s $kept ]]; then
    say "fetching $suite for $arch, about 40 MB"
    mmdebstrap --quiet --architectures="$arch" "${how[@]}" "$suite" "$kept.new.tar" "$from" </dev/null || return 1
    mv "$kept.new.tar" "$kept"
  fi
  mkdir "$to"
  tar -xf "$kept" -C "$to" --exclude='./dev/*'
}

# try starts the program on a system.
try() {
  local suite=$1 arch=$2 root=$3 network=.build/models/fr_feature.onnx
  cp "$folder/facegate-$arch" "$root/facegate"
  inside "$arch" "$root" version </dev/null >&2 || return 1
  if [[ ! -s $network ]]; then
    say "$suite for $arch: it starts; there is no network for it to run"
    return
  fi
  inside "$arch" "$root" models try mobilefacenet <"$network" || return 1
  say "$suite for $arch: it starts, and runs a network"
}

# inside runs the program in a root. An emulator is no part of the system, and goes in with it.
inside() {
  local arch=$1 root=$2 as=() under=()
  shift 2
  [[ $(id -u) -eq 0 ]] || as=(unshare --map-root-user)
  if [[ $arch != "$(dpkg --print-architecture)" ]]; then
    cp "$(command -v "${emulator[$arch]}")" "$root/emulator"
    under=(/emulator)
  fi
  "${as[@]}" chroot "$root" "${under[@]}" /facegate "$@"
}

# everywhere starts the program for an architecture on each system.
everywhere() {
  local arch=$1 suite from tried='' failed=''
  [[ -s $folder/facegate-$arch ]] || die "there is no $folder/facegate-$arch: make release"
  while read -r suite from; do
    if [[ -z $from ]]; then
      say "$suite for $arch is left out: apt knows no mirror of it"
      continue
    fi
    if ! system "$suite" "$arch" "$from" "$scratch/$suite-$arch"; then
      say "$suite for $arch is left out: $from does not have it, or could not be reached"
      continue
    fi
    tried=1
    try "$suite" "$arch" "$scratch/$suite-$arch" || failed=1
  done <<END
bookworm $(mirror Debian)
trixie $(mirror Debian)
jammy $(mirror Ubuntu)
END
  [[ -n $tried ]] || die "no system for $arch could be had to start it on"
  [[ -z $failed ]] || die "facegate-$arch does not start everywhere"
}

declare -A emulator=([amd64]=qemu-x86_64-static [arm64]=qemu-aarch64-static)
folder=${1:?usage: scripts/bare.sh FOLDER}
mkdir -p .build/bare
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
everywhere amd64
everywhere arm64
