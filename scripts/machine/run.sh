#!/usr/bin/env bash
#
# Installs the package on a bare Debian with systemd as its first process, and goes through the life of a gate there. docs/machine.md
# says what that proves.
#
#   run.sh contained|emulated [debian12] [debian13]   without a name both, side by side
#
# contained: in a container, on this machine's kernel; root only. emulated: on a machine of its own in QEMU, with that Debian's kernel.
#
# What it makes the machines of is kept in ~/.cache/facegate, or FACEGATE_CACHE. What it builds, and the logs of the last run, are in
# .build/machine. PROGRAM names a static program; otherwise it is built,
# under two versions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C

machine=$PWD/.build/machine
cache=${FACEGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/facegate}
limit=${LIMIT:-60m} # for one machine; on a core of its own it takes a fraction of that
first=74.11.1 newer=74.11.2 bad=74.11.3 # versions that no other word in the program is like

say() { printf 'facegate: machine: %s\n' "$*"; }

die() {
  say "$*" >&2
  exit 1
}

suite() {
  case $1 in
  debian12) echo bookworm ;;
  debian13) echo trixie ;;
  *) die "usage: scripts/machine/run.sh contained|emulated [debian12] [debian13]" ;;
  esac
}

# pack makes the package of a version.
pack() { VERSION=$1 WORDS=$machine/first scripts/package/build.sh "$2" amd64 "$machine/packages"; }

# packages makes three: of the program; of the same under a newer version, which is the only difference; and of one that ends at once.
# lintian looks at the first.
packages() {
  rm -rf "$machine/packages"
  if [[ -n ${PROGRAM:-} ]]; then
    cp "$PROGRAM" "$machine/first"
    cp "$PROGRAM" "$machine/newer"
  else
    scripts/release.sh "$first" "$machine/release"
    cp "$machine/release/facegate-amd64" "$machine/first"
    sed "s/$first/$newer/g" "$machine/first" >"$machine/newer" && chmod 755 "$machine/newer"
    [[ $("$machine/newer" version) == *"$newer"* ]] || die "the program has no version of ours"
  fi
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$machine/bad" ./scripts/package/standin
  printf '\nends\n' >>"$machine/bad"
  pack "$first" "$machine/first"
  pack "$newer" "$machine/newer"
  pack "$bad" "$machine/bad"
  lintian --fail-on error,warning "$machine/packages/facegate_${first}_amd64.deb"
}

# fetched prints the folder that fetch.sh has put something of a Debian into, in the cache.
fetched() {
  local what=$1 suite=$2 from
  from=$cache/machine-$what-$suite-$(scripts/machine/key.sh "$what")
  if [[ ! -d $from ]]; then
    say "fetching the $what of Debian $suite" >&2
    mkdir -p "$cache"
    scripts/machine/fetch.sh "$what" "$suite" "$from" >"$machine/fetch-$what-$suite.log" 2>&1 || {
      tail -n 5 "$machine/fetch-$what-$suite.log" >&2
      die "there is no $what of Debian $suite; check the network"
    }
  fi
  printf '%s\n' "$from"
}

# stick lays out what a technician brings, in a folder, and beside it what the test needs.
stick() {
  local on=$machine/stick
  rm -rf "$on"
  mkdir -p "$on/stick" "$on/testdata/walk"
  cp "$machine"/packages/*.deb .build/models/fr_*.onnx "$on/stick/"
  cp scripts/machine/{machine.service,technician} scripts/lab/devices "$on/"
  cp -r testdata/walk/p01 "$on/testdata/walk/"
  CGO_ENABLED=0 go test -c -trimpath -ldflags '-s -w' -o "$on/lab.test" ./scripts/lab
}

# contained runs the test in a container.
contained() {
  local system root=$machine/$1-root
  system=$(fetched system "$(suite "$1")")
  rm -rf "$root" && mkdir "$root"
  tar -xf "$system/root.tar" -C "$root" --exclude='./dev/*'
  timeout "$limit" scripts/machine/contain.sh "$root" "$machine/stick" </dev/null >"$machine/$1.log" 2>&1 || return 1
  ! grep -q -e '--- SKIP' -e 'no tests to run' "$machine/$1.log"
}

# emulated runs it on a machine of its own.
emulated() {
  local suite system kernel
  suite=$(suite "$1")
  system=$(fetched system "$suite")
  kernel=$(fetched kernel "$suite")
  scripts/machine/build.sh "$1" "$system" "$kernel" "$machine/stick"
  "$machine/emulate" "$1" "$machine" "$limit" >"$machine/$1.said" 2>&1
}

# try runs it one way or the other, and says how that ended. What it says comes when it is over, whole.
try() {
  local how=$1 name=$2
  say "$name, $how"
  "$how" "$name" & # in a condition itself it would go on after an error
  if wait "$!"; then
    sed -n -E 's/^.*lab: (machine|gate): /  /p' "$machine/$name.log"
    [[ $how != emulated ]] || tail -n 1 "$machine/$name.said"
    say "$name, $how: PASS after $((SECONDS / 60)) min $((SECONDS % 60)) s"
  else
    { grep -E -A 12 '_test.go:[0-9]+:' "$machine/$name.log" || true; } | tail -n 40 >&2 # there may be no log
    say "$name, $how: FAIL; the whole log is $machine/$name.log" >&2
    return 1
  fi
}

how=${1:-}
[[ $how == contained || $how == emulated ]] || suite none
shift
[[ $# -gt 0 ]] || set -- debian12 debian13
for name in "$@"; do suite "$name" >/dev/null; done
[[ $(dpkg --print-architecture) == amd64 ]] || die "the machines are built on a PC (amd64)"
[[ $how != contained || $(id -u) -eq 0 ]] || { say "containers are left out: only root can start a system in one" && exit; }
compgen -G '.build/models/fr_*.onnx' >/dev/null || die "there are no networks in .build/models: make models"
scripts/setup.sh release
mkdir -p "$machine"
exec {lock}>"$machine/lock"
flock "$lock" # two runs would write to the same files
packages
stick
if [[ $how == emulated ]]; then
  scripts/setup.sh lab
  go build -o "$machine/emulate" ./scripts/lab/emulate
fi
SECONDS=0
under_way=()
failed=
for name in "$@"; do
  try "$how" "$name" &
  under_way+=("$!")
done
for each in "${under_way[@]}"; do wait "$each" || failed=1; done
[[ -z $failed ]]
