#!/usr/bin/env bash
#
# Runs every test of the module that takes seconds, and with FACEGATE_SLOW set the others too. TEST_TIMEOUT bounds each package.
#
# It does so in two lanes side by side. Tests of a door wait for most of their time, as a door does, and the other lane
# calculates meanwhile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

timeout=${TEST_TIMEOUT:-20m}
# Tests that search or measure all memory of a gate, or its decisions on thousands of frames: with the race detector memory and
# arithmetic are ten times as much.
measures='Test(Privacy|MemoryIsFlat|GateKeepsItsPromise|GateBeforeOneWebcam)'
# The test that searches all states of a door, and says how many there are: nothing in it is shared by goroutines but the sum.
proof=TestEveryState

say() { printf 'facegate: %s\n' "$*"; }

# tested runs tests. They are vetted already.
tested() { go test -vet=off -timeout "$timeout" "$@"; }

# raced watches what starts goroutines. The tag counts pictures of OpenCV that nobody has freed; OpenCV's binding is compiled for
# it once.
raced() {
  say "testing with the race detector what starts goroutines"
  # shellcheck disable=SC2046
  tested -race -tags matprofile -skip "^($measures|$proof)" $(scripts/race.sh whole)
  scripts/race.sh some | while read -r package tests; do tested -race -run "$tests" "$package" </dev/null; done
}

alone() {
  say "testing without it what is done in one goroutine"
  # shellcheck disable=SC2046
  tested $(scripts/race.sh rest)
  say "searching memory, and measuring decisions"
  # shellcheck disable=SC2046
  tested -run "^$measures" $(grep -rlE --include='*_test.go' "^func $measures" . | xargs -n1 dirname | sort -u)
  scripts/fuzz.sh
  say "searching all states of the door"
  local told
  told=$(tested -v -run "^$proof" ./gpio/door) || { printf '%s\n' "$told" && return 1; }
  grep '^facegate: ' <<<"$told"
}

set -m # a group of its own for each lane, so that it ends as a whole
raced </dev/null &
lanes=("$!")
alone </dev/null &
lanes+=("$!")
trap 'kill -- $(jobs -p | sed s/^/-/) 2>/dev/null || true' EXIT
failed=0
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done # each tells what fails in it
exit $failed
