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
# arithmetic are ten times as much. With them those that count what comes of hundreds of people who are drawn; the same goroutines
# do it for fewer people in the tests beside them. And those that give one command after another, to gates whose goroutines other tests race.
commands='DoctorNames|DoctorLooks|DocsAreRun|DocsSay|JSON(Errors|IsInTheDocuments)?\b|Bugreport'
measures='Test('$commands'|Privacy|MemoryIsFlat|PassesCannotBeLinked|LinksAreFound|GateKeepsItsPromise|GateBeforeOneWebcam|(Raise|Beta|Correlation)\b|IntervalsCover)'
# The test that searches all states of a door, and says how many there are: nothing in it is shared by goroutines but the sum.
proof=TestEveryState

say() { printf 'facegate: %s\n' "$*"; }

# step says what is done, has it done, and says how long it took.
step() {
  local what=$1 TIMEFORMAT
  shift
  say "$what"
  TIMEFORMAT="facegate: $what took %0R s, and %0U + %0S s of the processors"
  time "$@"
}

# tested runs tests. They are vetted already.
tested() { go test -vet=off -timeout "$timeout" "$@"; }

# raced watches tests. The tag counts pictures of OpenCV that nobody has freed. OpenCV's binding is compiled for it, for a minute
# and a half, so all of them have it. Of tests that wait, several do so at once. A program with the detector sleeps for a second
# when it ends, in which others may report a race; tests end many, after all that they have started.
raced() { GORACE="atexit_sleep_ms=50 ${GORACE:-}" tested -race -tags matprofile -parallel 3 "$@"; }

raced_some() {
  local some
  some=$(scripts/race.sh some)
  # shellcheck disable=SC2046
  raced -run "$(cut -d' ' -f2- <<<"$some" | paste -sd '|')" $(cut -d' ' -f1 <<<"$some")
}

proved() {
  local told
  told=$(tested -v -run "^$proof" ./gpio/door) || { printf '%s\n' "$told" && return 1; }
  grep '^facegate: ' <<<"$told"
}

with_detector() {
  # shellcheck disable=SC2046
  step "testing with the race detector what starts goroutines" raced -skip "^($measures|$proof)" $(scripts/race.sh whole)
  step "testing with it tests that start some" raced_some
}

without() {
  # shellcheck disable=SC2046
  step "testing without it what is done in one goroutine" tested $(scripts/race.sh rest)
  # shellcheck disable=SC2046
  step "searching memory, measuring decisions, and giving commands" \
    tested -run "^$measures" $(grep -rlE --include='*_test.go' "^func $measures" . | xargs -n1 dirname | sort -u)
  step "fuzzing" scripts/fuzz.sh
  step "searching all states of the door" proved
}

set -m # a group of its own for each lane, so that it ends as a whole
with_detector </dev/null &
lanes=("$!")
without </dev/null &
lanes+=("$!")
trap 'kill -- $(jobs -p | sed s/^/-/) 2>/dev/null || true' EXIT
failed=0
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done # each tells what fails in it
exit $failed
