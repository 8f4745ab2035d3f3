#!/usr/bin/env bash
#
# tools.sh FOLDER   builds the tools that make a release into FOLDER, each as one exact version. They are no tools of go.mod: what
#                   they are made of is ten times as much as the gate.
set -euo pipefail

folder=$(realpath -m "${1:?usage: scripts/package/tools.sh FOLDER}")
tools=(
  github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2                        # makes the package
  github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 # lists what a program is made of
)

for tool in "${tools[@]}"; do
  path=${tool%@*} version=${tool#*@}
  file=$folder/${path##*/}-$version
  if [[ ! -x $file ]]; then
    printf 'facegate: building %s %s\n' "${path##*/}" "$version" >&2
    mkdir -p "$folder/new"
    GOBIN=$folder/new GOFLAGS=-mod=mod go install -trimpath "$tool"
    mv "$folder/new/${path##*/}" "$file"
  fi
  rm -rf "$folder/new"
  ln -sf "${file##*/}" "$folder/${path##*/}"
done
