#!/usr/bin/env bash
#
# Runs every fuzz test of the module for FUZZTIME each (3s), one after the other. What makes one fail is kept under
# testdata/fuzz of its package, where the ordinary tests try it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${FUZZTIME:-3s}
mapfile -t folders < <(grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -r dirname | sort -u)
for folder in "${folders[@]}"; do
  names=$(go test -list '^Fuzz' "$folder" | sed -n '/^Fuzz/p')
  for name in $names; do
    printf 'facegate: fuzzing %s %s for %s\n' "$folder" "$name" "$time"
    # Without a bound, shrinking the first interesting input takes up the time.
    if ! output=$(go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 20x "$folder" 2>&1); then
      printf '%s\n' "$output" >&2
      exit 1
    fi
  done
done
