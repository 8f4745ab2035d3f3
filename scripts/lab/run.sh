#!/usr/bin/env bash
#
# Boots emulated boards with Debian's own kernel, has the shipped program keep a door there, runs the tests of camera and GPIO
# lines, and watches the pins from outside. docs/lab.md says what that proves.
#
#   run.sh [BOARD...]   virt, raspi3b, amd64; without arguments all three
#
# Two boards go on at once, in the order in which they are named, and each begins when what it needs is built.
#
# The networks are in .build/models ("make models"). What it downloads and builds, and the logs of the last run, are in
# .build/lab.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lab/common.sh
. scripts/lab/common.sh

limit=40m # for one board; on two cores of its own it takes less than half of that

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

# boot boots a board, which keeps one core busy. What it says comes when it is done, whole.
boot() {
  local failed=
  say "$1 boots"
  "$lab/emulate" "$1" "$lab" "$limit" >"$lab/$1.said" 2>&1 || failed=1
  cat "$lab/$1.said"
  [[ -z $failed ]]
}

[[ $# -gt 0 ]] || set -- virt amd64 raspi3b # what takes longest first
for board in "$@"; do architecture "$board" >/dev/null; done
[[ $(dpkg --print-architecture) == amd64 ]] || die "the lab is built on a PC (amd64)"
compgen -G '.build/models/fr_*.onnx' >/dev/null || die "there are no networks in .build/models: make models"
scripts/setup.sh lab
mkdir -p "$lab"
exec {lock}>"$lab/lock"
flock "$lock" # two runs would write to the same files
go build -o "$lab/emulate" ./scripts/lab/emulate
declare -A prepared # by architecture: yes, or no if it failed
under_way=()
failed=
for board in "$@"; do
  of=$(architecture "$board")
  if [[ -z ${prepared[$of]:-} ]]; then
    prepared[$of]=no
    prepare "$of" & # in a condition itself it would go on after an error
    if wait "$!"; then prepared[$of]=yes; fi
  fi
  if [[ ${prepared[$of]} == no ]]; then
    failed=1
    continue
  fi
  while (($(jobs -rp | wc -l) > 1)); do sleep 1; done
  boot "$board" &
  under_way+=("$!")
done
for each in "${under_way[@]}"; do wait "$each" || failed=1; done
[[ -z $failed ]]
