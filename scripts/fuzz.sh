#!/usr/bin/env bash
#
# Runs every fuzz test of the module, one after the other, with FUZZTIME inputs each (500x; a time as 1m does too).
# What makes one fail is kept under testdata/fuzz of its package, where the ordinary tests try it again.
#
# A number is the default as it ends by itself: when a time runs out in the middle of an input, the fuzzer of Go now and
# then reports its own "context deadline exceeded" as a failure.
#
# Without FACEGATE_SLOW it leaves out what is made with OpenCV, whose binding is compiled anew to be fuzzed, for a minute or
# two. The ordinary tests try the inputs that these begin with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${FUZZTIME:-500x}
mapfile -t folders < <(grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -r dirname | sort -u)
for folder in "${folders[@]}"; do
  if [[ -z ${FACEGATE_SLOW:-} ]] && go list -deps "$folder" | grep -q '^gocv.io/'; then
    continue
  fi
  for name in $(sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$folder"/*_test.go); do
    printf 'facegate: fuzzing %s %s, %s\n' "$folder" "$name" "$time"
    # Without a bound, shrinking the first interesting input takes up the time.
    if ! output=$(go test -vet=off -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x "$folder" 2>&1); then
      printf '%s\n' "$output" >&2
      exit 1
    fi
  done
done
