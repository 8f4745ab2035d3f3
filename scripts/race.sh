#!/usr/bin/env bash
#
# Says what the race detector has to watch. It makes arithmetic ten times slower, and finds nothing in a single goroutine.
#
#   race.sh whole   the packages that start goroutines, or are made of one of this module that does and may call it
#   race.sh some    of the others, those whose tests start some: a line each of the package and a pattern of the tests that
#                   stand in the same files
#   race.sh rest    the packages that are not in whole
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What starts a goroutine: a go statement, and what stands for one. A server of net/http starts one for each request.
start='(^|[[:space:]{;])go (func|[a-zA-Z_.]+)\(|\.Go\(|\.AfterFunc\(|[a-z]\.Parallel\(\)|RunParallel|^[[:space:]]*"net/http"'

# What takes types and numbers from packages that start goroutines, and calls nothing that does: the pipeline, whose stages may start
# none (TestStagesArePure), and the drawing and reading of passes.
quiet='^[^/]*/pipeline(/evaluate/passes)?$'

# starting lists the packages whose program starts goroutines.
starting() {
  grep -rlE --include='*.go' --exclude='*_test.go' "$start" . | xargs -r -n1 dirname | sort -u | sed "s#^\.#$(go list -m)#"
}

whole() {
  go list -f '{{.ImportPath}} {{join .Deps " "}}' ./... |
    awk 'NR == FNR { starts[$1]; next } { for (i = 1; i <= NF; i++) if ($i in starts) { print $1; next } }' <(starting) - |
    grep -vE "$quiet" | comm -12 - <(tested)
}

tested() { go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./... | sed '/^$/d' | sort; }

rest() { comm -23 <(tested) <(whole); }

some() {
  local module package imports tests
  module=$(go list -m)
  imports=$(starting | sed 's/.*/|^[[:space:]]*"&"$/' | tr -d '\n') # as of a contract that has goroutines
  # templatetest compares photographs in several goroutines to be done sooner, in minutes of arithmetic under the detector.
  rest | grep -v '/templatetest$' | while read -r package; do
    tests=$( (grep -lE "$start$imports" ".${package#"$module"}"/*_test.go || true) |
      xargs -r sed -nE 's/^func (Test[A-Za-z0-9_]+)\(.*/\1/p' | sort -u | paste -sd '|')
    [[ -z $tests ]] || printf '%s ^(%s)$\n' "$package" "$tests"
  done
}

case ${1:-} in
whole | some | rest) "$1" ;;
*)
  echo "usage: scripts/race.sh whole|some|rest" >&2
  exit 2
  ;;
esac
