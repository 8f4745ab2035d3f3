#!/usr/bin/env bash
#
# committed.sh   fails unless the checkout is what git has: of other files nobody could tell later what was signed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! differs=$(git status --porcelain); then
  echo "facegate: nothing is signed where git does not say what the files are" >&2
  exit 1
fi
if [[ -n $differs ]]; then
  echo "facegate: nothing is signed from a checkout with files that git does not have: git status" >&2
  exit 1
fi
