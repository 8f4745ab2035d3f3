#!/usr/bin/env bash
#
# contain.sh ROOT TEST   starts the systemd of the system in the folder ROOT as the first process of a container, runs the test there,
#                        and throws away what came of it. The system has neither a kernel nor a network of its own. TEST has what is to
#                        be seen at /run/test, and in TEST/stick what is at /media/stick. Root only.
set -euo pipefail

root=$(realpath "$1") test=$(realpath "$2")
[[ $(id -u) -eq 0 ]] || { echo "facegate: machine: only root can start a system in a container" >&2 && exit 1; }
work=$(mktemp -d)
groups=$work/groups first='' started=''

# over ends the system, with all that it has started, and takes away its control groups.
over() {
  # shellcheck disable=SC2086 # two numbers, or one, or none
  kill -9 $first $started 2>/dev/null || true
  wait 2>/dev/null || true
  if mountpoint -q "$groups"; then
    for _ in {1..50}; do
      find "$groups/${work##*/}" -depth -type d -exec rmdir {} + 2>/dev/null && break
      sleep 0.1
    done
    umount "$groups"
  fi
  rm -rf "$work"
}
trap over EXIT

# inside makes the system's root, of which only memory is written to, and hands over to systemd.
inside() {
  local node
  mount -t tmpfs tmpfs "$work"
  mkdir "$work"/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" "$work/root"
  cd "$work/root"
  mount -t proc proc proc
  mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys # of this machine's kernel
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 none sys/fs/cgroup
  mount -t tmpfs -o mode=755 dev dev
  for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t tmpfs -o mode=755 run run
  mount -t tmpfs -o mode=1777 tmp tmp
  mkdir run/test
  mount --bind "$test" run/test
  mount --bind "$test/stick" media/stick
  hostname house
  mkdir former
  pivot_root . former
  umount -l former
  rmdir former
  exec env -i container=facegate PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --show-status=no </dev/null
}

mkdir "$groups"
mount -t cgroup2 none "$groups"
mkdir "$groups/${work##*/}"
export -f inside
export root test work
bash -c 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net --propagation private bash -euc inside' \
  "$groups/${work##*/}" &
started=$!
for _ in {1..300}; do # until it is systemd
  first=$(pgrep -P "$started" || true)
  [[ $(cat "/proc/$first/comm" 2>/dev/null) != systemd || ! -S /proc/$first/root/run/systemd/private ]] || break
  sleep 0.1
done
[[ $(cat "/proc/$first/comm" 2>/dev/null) == systemd ]] || { echo "facegate: machine: systemd does not start in the container" >&2 && exit 1; }
nsenter --target "$first" --all env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
  FACEGATE_LAB=1 FACEGATE_LAB_CONTAINED=1 FACEGATE_LAB_STICK=/run/test \
  /run/test/lab.test -test.v -test.run '^TestMachine$' </dev/null
