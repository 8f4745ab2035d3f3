#!/usr/bin/env bash
#
# units.sh [FOLDER]   has systemd judge the units in FOLDER, otherwise those in configs: that it understands every line of them, and
#                     how far the gate could reach beyond its own
#
# systemd need not run; where it is not installed nothing is judged, and it is said.
set -euo pipefail
units=$(realpath "${1:-$(dirname "${BASH_SOURCE[0]}")/../../configs}")

if ! command -v systemd-analyze >/dev/null; then
  echo "facegate: systemd-analyze is missing, so that the units were not looked at: scripts/setup.sh test" >&2
  exit 0
fi
# A root of their own, with stand-ins for the programs that they start.
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/usr/{bin,lib/facegate,lib/systemd/system}
install -m 755 /bin/true "$root/usr/bin/facegate"
install -m 755 /bin/true "$root/usr/lib/facegate/watch-update"
cp "$units"/*.service "$root/usr/lib/systemd/system/"
for unit in sysinit.target basic.target network-online.target shutdown.target; do
  printf '[Unit]\nDescription=%s\n' "$unit" >"$root/usr/lib/systemd/system/$unit"
done
for unit in "$units"/*.service; do
  said=$(systemd-analyze --root="$root" --man=no verify "$root/usr/lib/systemd/system/${unit##*/}" 2>&1) && [[ -z $said ]] || {
    printf 'facegate: %s:\n%s\n' "$unit" "$said" >&2
    exit 1
  }
done
# The scale goes to 100, which is a process that may do everything; below 20 systemd calls it safe.
if ! said=$(systemd-analyze --root="$root" security --offline=true --threshold=20 --no-pager \
  "$root/usr/lib/systemd/system/facegate.service" 2>&1); then
  printf '%s\n' "$said" | tail -n 3 >&2
  exit 1
fi
