#!/usr/bin/env bash
#
# nats.sh FOLDER   builds nats-server, the broker of many gates, into FOLDER, for tests and for "make fleet". It is pinned, with the
#                  hash of all that it is made of, by the go.mod of scripts/nats, a module of its own: nothing of it is in the gate.
#
# Without network it says so, and the tests are skipped.
set -euo pipefail

folder=$(realpath -m "${1:?usage: scripts/nats.sh FOLDER}")
cd "$(dirname "${BASH_SOURCE[0]}")/nats"

version=$(sed -nE 's#^\s*(require )?github.com/nats-io/nats-server/v2 (v[^ ]+).*#\2#p' go.mod)
file=$folder/nats-server-$version
if [[ ! -x $file ]]; then
  printf 'facegate: building nats-server %s, for tests\n' "$version" >&2
  mkdir -p "$folder"
  if ! GOFLAGS=-mod=readonly CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$file.new" github.com/nats-io/nats-server/v2; then
    printf 'facegate: nats-server could not be built; the tests with it are skipped\n' >&2
    exit 0
  fi
  mv "$file.new" "$file"
fi
ln -sf "${file##*/}" "$folder/nats-server"
