#!/usr/bin/env bash
#
# Prints the version of the source tree, in a form that Debian's tools sort: 1.2.0 for the tag v1.2.0, 1.2.0+3.g0a1b2c3 three
# commits later, and without a tag 0.0.0+3.g0a1b2c3 for the third commit of all. Changed files add .dirty.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dirty=$([[ -z $(git status --porcelain --untracked-files=no) ]] || echo .dirty)
if tag=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null); then
  since=$(git rev-list --count "$tag..HEAD")
else
  tag=v0.0.0 since=$(git rev-list --count HEAD)
fi
if [[ $since -eq 0 ]]; then after=''; else after=+$since.g$(git rev-parse --short=7 HEAD); fi
[[ -n $after || -z $dirty ]] || after=+0
printf '%s%s%s\n' "${tag#v}" "$after" "$dirty"
