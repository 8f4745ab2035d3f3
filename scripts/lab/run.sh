#!/usr/bin/env bash
#
# Boots emulated boards with Debian's own kernel, has the shipped program keep a door there, runs the tests of camera and GPIO
# lines, and watches the pins from outside. docs/lab.md says what that proves.
#
#   run.sh [BOARD...]   virt, raspi3b, amd64; without arguments all three, two at a time
#
# The networks are in .build/models ("make models"). What it downloads and builds, and the logs of the last run, are in
# .build/lab.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lab/common.sh
. scripts/lab/common.sh

limit=20m # for one board; on two cores of its own it takes a quarter of that

architecture() {
  case $1 in
  virt | raspi3b) echo arm64 ;;
  amd64) echo amd64 ;;
  *) die "usage: scripts/lab/run.sh [virt] [raspi3b] [amd64]" ;;
  esac
}

# prepare downloads and builds what boards of an architecture need.
prepare() {
  [[ -d $lab/$1 ]] || scripts/lab/fetch.sh "$1" || {
    tail -n 5 "$lab/fetch-$1.log" >&2
    die "no kernel for $1; check the network, and that apt's sources have $1"
  }
  say "building for $1"
  scripts/lab/build.sh "$1"
}

[[ $# -gt 0 ]] || set -- virt amd64 raspi3b
architectures=$(for board in "$@"; do architecture "$board"; done | sort -u)
[[ $(dpkg --print-architecture) == amd64 ]] || die "the lab is built on a PC (amd64)"
compgen -G '.build/models/fr_*.onnx' >/dev/null || die "there are no networks in .build/models: make models"
scripts/setup.sh lab
mkdir -p "$lab"
exec {lock}>"$lab/lock"
flock "$lock" # two runs would write to the same files
for architecture in $architectures; do prepare "$architecture"; done
go build -o "$lab/emulate" ./scripts/lab/emulate
# Each board keeps one core busy. What it says comes when it is done, whole.
printf '%s\n' "$@" | xargs -P 2 -I '{}' bash -c '
  printf "facegate: lab: %s boots\n" "$0"
  "$1/emulate" "$0" "$1" "$2" >"$1/$0.said" 2>&1 || failed=1
  cat "$1/$0.said"
  exit "${failed:-0}"' '{}' "$lab" "$limit"
