#!/usr/bin/env bash
#
# testroot.sh COMMAND…   runs a command as on a machine of its own: this machine's programs, in a root that is thrown away
#
# The root is this machine's under an overlay, in mounts that no other process sees; what it has of facegate is hidden. In the
# place of systemd, which is not to be had without a machine, is a script that starts a gate as its unit says, starts it again when
# it ends, and numbers its runs. Root only.
set -euo pipefail

if [[ ${1:-} != --inside ]]; then
  exec unshare --mount --pid --fork --propagation private -- "$(realpath "$0")" --inside "$@"
fi
shift

under=${TESTROOT_UNDER:-$(mktemp -d)}
mount -t tmpfs tmpfs "$under"
mkdir "$under"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$under/upper,workdir=$under/work" "$under/root"
root=$under/root
mount -t proc proc "$root/proc"
for device in dev dev/pts; do [[ ! -d /$device ]] || mount --bind "/$device" "$root/$device"; done
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
for shared in "${TESTROOT_SHARES:-}"; do # a folder with what the command needs
  [[ -z $shared ]] || { mkdir -p "$root$shared" && mount --bind "$shared" "$root$shared"; }
done
# What was changed in the root lies apart from the rest of it, so that nobody has to look through a whole machine for it.
mkdir "$root/run/changed" && mount --bind -o ro "$under/upper" "$root/run/changed"
rm -rf "$root"/{etc,var/lib,usr/share/doc}/facegate* "$root"/usr/bin/facegate "$root"/var/backups/facegate* \
  "$root"/{etc,usr/lib}/systemd/system/facegate* "$root"/var/lib/dpkg/info/facegate.* "$root"/usr/sbin/policy-rc.d \
  "$root/etc/update-motd.d/60-facegate"
chroot "$root" userdel facegate 2>/dev/null || true
# A machine with systemd has its own of it, whatever this one is made of.
awk -v RS= -v ORS='\n\n' '!/^Package: (facegate|systemd|passwd|udev)\n/' /var/lib/dpkg/status >"$root/var/lib/dpkg/status"
for package in systemd passwd udev; do
  printf 'Package: %s\nStatus: install ok installed\nVersion: 999\nArchitecture: all\nMaintainer: test <t@t>\nDescription: test\n\n' \
    "$package" >>"$root/var/lib/dpkg/status"
done
rm -f "$root"/var/lib/dpkg/updates/*
: >"$root/var/lib/dpkg/triggers/File" # such as man-db, which would read every page of this machine's manual anew
mkdir -p "$root/run/systemd/system"

mv "$root/usr/bin/systemctl" "$root/usr/bin/systemctl.real"
cat >"$root/usr/bin/systemctl" <<'SYSTEMCTL'
#!/bin/bash
# What the package's scripts ask of systemd, of which the state of units is on disk, and the rest here.
runs=/run/runs
mkdir -p $runs /run/facegate
for word in "$@"; do
  case $word in
  preset | is-enabled) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl.real "$@" ;; # which work on files
  --*) ;;
  *) break ;;
  esac
done
while [[ ${1:-} == --* ]]; do shift; done
verb=$1
shift
gate() { # starts the gate again and again, as Restart=always does
  trap '' HUP
  while [[ -e $runs/on ]]; do
    cat /proc/sys/kernel/random/uuid >$runs/id
    echo run >>$runs/log
    setpriv --reuid=root /usr/bin/facegate run </dev/null >/dev/null 2>&1 &
    echo $! >$runs/pid
    wait $!
    sleep 0.1
  done
}
watching() { [[ -e $runs/watching ]]; }
end_watch() { # as a unit with KillMode=mixed, whose main process may finish what it does
  ! watching || kill "$(cat $runs/watcher)" 2>/dev/null
  while watching; do sleep 0.05; done
}
watch() { # if its condition is met
  watching || [[ ! -e /var/lib/facegate-package/former.deb ]] || {
    touch $runs/watching
    rm -f $runs/watcher
    (
      # shellcheck disable=SC2086 # two numbers
      setsid /usr/lib/facegate/watch-update $FACEGATE_WATCH >>/run/watched 2>&1 &
      echo $! >$runs/watcher.new && mv $runs/watcher.new $runs/watcher
      wait $!
      echo $? >$runs/watch-code
      rm $runs/watching
    ) </dev/null >/dev/null 2>&1 &
    while watching && [[ ! -e $runs/watcher ]]; do sleep 0.05; done
  }
}
stop() {
  rm -f $runs/on
  if [[ -e $runs/keeper ]]; then
    kill "$(cat $runs/keeper)" 2>/dev/null
    kill -9 "$(cat $runs/pid)" 2>/dev/null
    rm -f $runs/keeper $runs/pid /run/facegate/up
  fi
}
start() {
  [[ -e /etc/facegate/facegate.yaml && ! -e $runs/on ]] || return 0
  touch $runs/on
  gate </dev/null >/dev/null 2>&1 &
  echo $! >$runs/keeper
}
for unit in "$@"; do
  case $verb/$unit in
  daemon-reload/*) ;;
  reset-failed/*) echo "$unit" >>$runs/forgotten ;;
  show/--*) ;;
  show/facegate.service) if [[ ${property:-} == LoadState ]]; then echo loaded; else cat $runs/id 2>/dev/null || true; fi ;;
  show/LoadState) property=LoadState ;;
  is-active/facegate.service)
    if [[ -e $runs/on ]]; then echo active; else echo inactive && exit 3; fi
    ;;
  stop/facegate.service) stop ;;
  start/facegate.service) start ;;
  restart/facegate.service) stop; start ;;
  stop/facegate-update.service) end_watch ;;
  start/facegate-update.service) watch ;;
  restart/facegate-update.service) end_watch; watch ;;
  esac
done
exit 0
SYSTEMCTL
chmod 755 "$root/usr/bin/systemctl"
export FACEGATE_WATCH="10 2" # seconds in which a gate has to be up, and to stay up
exec chroot "$root" "$@"
