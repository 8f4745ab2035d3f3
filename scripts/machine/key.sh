#!/usr/bin/env bash
#
# key.sh system|kernel   prints by what fetch.sh puts together a system, or a kernel: what they are kept under. With other scripts it is
#                        another one
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

made_by=(scripts/machine/fetch.sh scripts/mirror.sh)
case ${1:-} in
system) ;;
kernel) made_by+=(scripts/machine/gpiosim.sh scripts/lab/{gpiosim,common}.sh) ;;
*)
  echo "usage: scripts/machine/key.sh system|kernel" >&2
  exit 2
  ;;
esac
cat "${made_by[@]}" | sha256sum | cut -c1-16
