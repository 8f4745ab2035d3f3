#!/usr/bin/env bash
#
# Boots emulated boards with Debian's own kernel, has the shipped program keep a door there, runs the tests of camera and GPIO
# lines, and watches the pins from outside. docs/lab.md says what that proves.
#
#   run.sh [BOARD...]   virt, raspi3b, amd64; without arguments all three
#
# Both architectures go on at once. The boards of one come one after the other, and begin when that one is built.
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

# boot boots boards, each of which keeps one core busy. What a board says comes when it is done, whole.
boot() {
  local board failed=
  for board in "$@"; do
    say "$board boots"
    "$lab/emulate" "$board" "$lab" "$limit" >"$lab/$board.said" 2>&1 || failed=1
    cat "$lab/$board.said"
  done
  [[ -z $failed ]]
}

[[ $# -gt 0 ]] || set -- virt raspi3b amd64 # what takes longest first
declare -A boards
order=()
for board in "$@"; do
  of=$(architecture "$board")
  [[ -n ${boards[$of]:-} ]] || order+=("$of")
  boards[$of]+=" $board"
done
[[ $(dpkg --print-architecture) == amd64 ]] || die "the lab is built on a PC (amd64)"
compgen -G '.build/models/fr_*.onnx' >/dev/null || die "there are no networks in .build/models: make models"
scripts/setup.sh lab
mkdir -p "$lab"
exec {lock}>"$lab/lock"
flock "$lock" # two runs would write to the same files
go build -o "$lab/emulate" ./scripts/lab/emulate
under_way=()
failed=
for of in "${order[@]}"; do
  prepare "$of" & # in a condition itself it would go on after an error
  if wait "$!"; then
    # shellcheck disable=SC2086 # the names of boards are words
    boot ${boards[$of]} &
    under_way+=("$!")
  else
    failed=1
  fi
done
for each in "${under_way[@]}"; do wait "$each" || failed=1; done
[[ -z $failed ]]
