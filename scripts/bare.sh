#!/usr/bin/env bash
#
# bare.sh FOLDER   starts the release in FOLDER on bare systems, which have nothing but their essential packages: Debian 12 and 13 and
#                  Ubuntu 22.04, of this machine's processor. It has to say what it is, and to run a network.
#
# The systems come from the mirrors that apt is set to, or from those that DEBIAN_MIRROR and UBUNTU_MIRROR name, and are kept in
# .build/bare. A system without a mirror is left out, and it says so; one has to be there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

say() { printf 'facegate: bare: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# mirror prints where apt gets the packages of a distribution.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' "Origin: $1" "Label: $1" 'Component: main' 'Identifier: Packages' | sed -n 1p
}

# system puts the root of a system into a folder.
system() {
  local suite=$1 from=$2 to=$3
  if [[ ! -s .build/bare/$suite.tar ]]; then
    say "fetching $suite, about 40 MB"
    mmdebstrap --quiet --variant=essential "$suite" ".build/bare/$suite.new.tar" "$from" </dev/null || return 1
    mv ".build/bare/$suite.new.tar" ".build/bare/$suite.tar"
  fi
  tar -xf ".build/bare/$suite.tar" -C "$to" --exclude='./dev/*'
}

# try starts the program on a system.
try() {
  local suite=$1 root=$2 network=.build/models/fr_feature.onnx
  cp "$program" "$root/facegate"
  inside "$root" /facegate version </dev/null >&2 || return 1
  if [[ ! -s $network ]]; then
    say "$suite: it starts; there is no network for it to run"
    return
  fi
  inside "$root" /facegate models try mobilefacenet <"$network" || return 1
  say "$suite: it starts, and runs a network"
}

# inside runs a program in a root.
inside() {
  local as=()
  [[ $(id -u) -eq 0 ]] || as=(unshare --map-root-user)
  "${as[@]}" chroot "$@"
}

program=${1:?usage: scripts/bare.sh FOLDER}/facegate-$(dpkg --print-architecture)
[[ -s $program ]] || die "there is no $program: make release"
mkdir -p .build/bare
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed='' tried=
while read -r suite from; do
  if [[ -z $from ]]; then
    say "$suite is left out: apt knows no mirror of it"
    continue
  fi
  mkdir "$scratch/$suite"
  if ! system "$suite" "$from" "$scratch/$suite"; then
    say "$suite is left out: $from does not have it, or could not be reached"
    continue
  fi
  tried=1
  try "$suite" "$scratch/$suite" || failed=1
done <<END
bookworm ${DEBIAN_MIRROR:-$(mirror Debian)}
trixie ${DEBIAN_MIRROR:-$(mirror Debian)}
jammy ${UBUNTU_MIRROR:-$(mirror Ubuntu)}
END
[[ -n $tried ]] || die "no system could be had to start it on"
[[ -z $failed ]] || die "it does not start everywhere"
