#!/usr/bin/env bash
#
# older.sh [PACKAGE]   has Debian 11 judge the units, the user and, if there is one, a package: its systemd 247 and dpkg 1.20 are older than those of
#                      every system that facegate is for, such as Ubuntu 22.04 with 249 and 1.21
#
# Debian 11 comes from the mirror that apt is set to, or from the one that DEBIAN_MIRROR names, and is kept in .build/bare. Root only.
set -euo pipefail
package=${1:+$(realpath "$1")}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/mirror.sh
. scripts/mirror.sh

say() { printf 'facegate: older: %s\n' "$*" >&2; }

if [[ ${OLDER_INSIDE:-} != yes ]]; then
  OLDER_INSIDE=yes exec unshare --mount --propagation private -- "scripts/package/${0##*/}" ${package:+"$package"}
fi
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root" # which goes with the mounts of this process
trap 'umount -R -l "$root" && rmdir "$root"' EXIT
mkdir -p .build/bare
if [[ ! -s .build/bare/bullseye.tar ]]; then
  say "fetching Debian 11's systemd, about 30 MB"
  mmdebstrap --quiet --variant=essential --include=systemd bullseye .build/bare/bullseye.new.tar "$(mirror Debian)" </dev/null
  mv .build/bare/bullseye.new.tar .build/bare/bullseye.tar
fi
tar -xf .build/bare/bullseye.tar -C "$root" --exclude='./dev/*'
for folder in proc sys; do mount --rbind "/$folder" "$root/$folder"; done

# verify has systemd judge the units in the root.
verify() {
  local unit said
  for unit in facegate facegate-update; do
    said=$(chroot "$root" systemd-analyze --man=no verify "/usr/lib/systemd/system/$unit.service" 2>&1) && [[ -z $said ]] || {
      say "$unit.service: $said"
      return 1
    }
  done
}

if [[ -n $package ]]; then
  cp "$package" "$root/tmp/facegate.deb"
  # Its scripts are not run: there is no systemd that they could ask.
  chroot "$root" dpkg --no-triggers --force-depends --unpack /tmp/facegate.deb >/dev/null 2>"$root/tmp/said" || {
    say "dpkg: $(cat "$root/tmp/said")"
    exit 1
  }
else
  install -D -m 755 /bin/true "$root/usr/lib/facegate/watch-update"
  install -m 755 /bin/true "$root/usr/bin/facegate"
  mkdir -p "$root/usr/lib/systemd/system"
  cp configs/*.service "$root/usr/lib/systemd/system/"
  for kind in sysusers tmpfiles; do install -D -m 644 "configs/$kind.conf" "$root/usr/lib/$kind.d/facegate.conf"; done
fi
verify
# The user, in groups of which that system has not all, and the folders.
chroot "$root" systemd-sysusers facegate.conf 2>/dev/null
chroot "$root" systemd-tmpfiles --create facegate.conf
groups=$(chroot "$root" id -nG facegate | tr ' ' '\n' | sort | paste -sd' ')
[[ $groups == "facegate gpio input video" && $(stat -c %a "$root/var/lib/facegate") == 700 ]] || {
  say "the user is in the groups: $groups"
  exit 1
}
say "$(chroot "$root" systemctl --version | sed -n 1p) understands every line${package:+, and $(chroot "$root" dpkg --version | sed -n '1s/.*version \([0-9.]*\).*/dpkg \1/p') unpacks the package}"
# And it would say so if it did not.
sed -i 's/^ProtectProc=/ProtectPorc=/' "$root/usr/lib/systemd/system/facegate.service"
! verify 2>/dev/null || {
  say "a line that nobody understands is taken"
  exit 1
}
