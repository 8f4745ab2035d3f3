#!/usr/bin/env bash
#
# Boots emulated boards with Debian's own kernel, runs the tests of the camera and of the relay's line in there, and
# watches the relay's pin from outside. docs/lab.md says what that proves.
#
#   run.sh [BOARD...]   virt, raspi3b; without arguments both
#
# What it downloads, and the logs of the last run, are in .build/lab.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

lab=$PWD/.build/lab
kernel=$lab/kernel # vmlinuz, raspi3b.dtb, and root, which is what the initramfs begins with
work=$lab/fetch    # while downloading
limit=120          # seconds that a board may take

say() { printf 'facegate: lab: %s\n' "$*"; }

die() {
  say "$*" >&2
  exit 1
}

# arm64 runs a program of apt on this machine's archives, but for arm64 and with a state of its own.
arm64() {
  local program=$1
  shift
  "$program" -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Acquire::Languages=none \
    -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" "$@"
}

# fetch takes what is needed out of Debian's packages of the kernel and of a shell for arm64.
fetch() {
  local image version package module
  rm -rf "$work"
  mkdir -p "$work"/{lists,cache/archives}/partial "$work"/{packages,kernel/root/bin}
  : >"$work/status"
  say "downloading Debian's kernel for arm64, about 60 MB"
  exec >"$lab/fetch.log" 2>&1
  arm64 apt-get update -o APT::Update::Error-Mode=any
  image=$(arm64 apt-cache depends linux-image-arm64 | awk '/ Depends: linux-image/ {print $2}')
  version=${image#linux-image-}
  cd "$work/packages"
  arm64 apt-get download "$image" busybox-static
  for package in *.deb; do dpkg-deb -x "$package" .; done
  depmod -b . "$version"
  for module in vivid bcm2835_wdt; do modprobe -d . -S "$version" --show-depends "$module"; done |
    sed -n 's|^insmod .*/lib/modules/|lib/modules/|p' | xargs cp --parents -t ../kernel/root
  cp --parents "lib/modules/$version"/modules.{order,builtin} ../kernel/root
  depmod -b ../kernel/root "$version"
  cp bin/busybox ../kernel/root/bin/busybox
  ln -s busybox ../kernel/root/bin/sh
  cp "boot/vmlinuz-$version" ../kernel/vmlinuz
  cp "usr/lib/linux-image-$version/broadcom/bcm2837-rpi-3-b.dtb" ../kernel/raspi3b.dtb
  mv ../kernel "$kernel"
}

# build makes the initramfs, with the tests of this source tree.
build() {
  local root=$lab/root
  rm -rf "$root"
  cp -r "$kernel/root" "$root"
  CGO_ENABLED=0 GOARCH=arm64 go test -c -trimpath -ldflags '-s -w' -o "$root/tests/" \
    ./device/v4l2 ./gpio/cdev ./scripts/lab
  cp scripts/lab/init "$root/init"
  (cd "$root" && find . | cpio --quiet -o -H newc) >"$lab/initramfs"
}

# emulate runs the board until it restarts. Each event of the given kind, which only QEMU itself can see, goes to $trace.
# Further arguments are QEMU's.
emulate() {
  local console=$1 event=$2
  shift 2
  timeout --foreground "$limit" qemu-system-aarch64 -M "$board" -accel tcg,thread=multi -display none -monitor none \
    -no-reboot -pidfile "$lab/$board.pid" -msg timestamp=on -trace "$event" -D "$trace" \
    -kernel "$kernel/vmlinuz" -initrd "$lab/initramfs" -append "console=$console panic=-1 quiet board=$board" \
    "$@" </dev/null
}

# boot runs the board. What its kernel and its tests say goes to $serial.
boot() {
  case $board in
  virt) emulate ttyAMA0 pl061_set_output -cpu cortex-a72 -smp 2 -m 768 -nodefaults -serial "file:$serial" ;;
  raspi3b) emulate ttyS1,115200 memory_region_ops_write -dtb "$kernel/raspi3b.dtb" -serial null -serial "file:$serial" ;;
  esac
}

# levels prints which levels the watched pins took: time in seconds, pin, level.
levels() {
  case $board in
  virt) sed -nE 's/^[0-9]+@([0-9.]+):pl061_set_output .* output ([67]) to ([01])$/\1 \2 \3/p' "$trace" ;;
  raspi3b) bcm2835_levels <"$trace" ;;
  esac
}

# bcm2835_levels does so by what was written to the registers of the GPIO controller (BCM2835 ARM Peripherals, 6.1). In
# the function select registers, of three bits a pin, 1 makes the pin an output.
bcm2835_levels() {
  local line value set=0 select1=0 select2=0
  while read -r line; do
    [[ $line =~ @([0-9.]+):.*\ addr\ 0x3f2000(..)\ value\ (0x[0-9a-f]+)\  ]] || continue
    value=${BASH_REMATCH[3]}
    case ${BASH_REMATCH[2]} in
    04) select1=$value ;; # GPFSEL1, pins 10 to 19
    08) select2=$value ;; # GPFSEL2, pins 20 to 29
    1c) set=$((set | value)) ;; # GPSET0
    28) set=$((set & ~value)) ;; # GPCLR0
    *) continue ;;
    esac
    [[ $((select1 >> 21 & 7)) -ne 1 ]] || echo "${BASH_REMATCH[1]} 17 $((set >> 17 & 1))"
    [[ $((select2 >> 6 & 7)) -ne 1 ]] || echo "${BASH_REMATCH[1]} 22 $((set >> 22 & 1))"
  done
}

# pulse says what a pin did, by the host's clock. It fails unless the pin took exactly the given levels, of which the
# last but one is the pulse, and the pulse was of about a second.
pulse() {
  awk -v pin="$1" -v want="$2" '
    $2 == pin && $3 != level { level = $3; levels = levels level; if (at) took = $1 - at; at = $1 }
    END {
      printf "lab: the host saw pin %d take the levels %s, the last but one for %.3f s\n", pin, levels, took
      exit levels != want || took < 0.5 || took > 3
    }' level=none <(levels)
}

# check reports what was seen, and fails if anything is not as it should be.
check() {
  local bad=0
  case $board in
  virt) set -- 6 010 7 0101 ;; # after power-on they are low
  raspi3b) set -- 17 010 22 101 ;; # after power-on they are inputs
  esac
  grep -E '^lab: | lab_test\.go:' "$log" || true
  pulse "$1" "$2" || bad=1
  pulse "$3" "$4" || bad=1
  if ! grep -qxF 'lab: done' "$log" || grep -qE -e '--- SKIP|no tests to run' "$log"; then
    bad=1
    grep -E -e '--- (FAIL|SKIP)|_test\.go:|no tests to run' "$log" || tail -n 5 "$log"
  fi
  return "$bad"
}

# try tests on one board.
try() {
  local board=$1 start=$SECONDS verdict=PASS
  local log=$lab/$board.log trace=$lab/$board.trace serial=$lab/$board.serial
  rm -f "$serial" "$trace"
  touch "$serial" "$trace"
  boot || true
  tr -cd '\n[:print:]' <"$serial" >"$log"
  check || verdict=FAIL
  say "$board: $verdict after $((SECONDS - start)) s; the whole log is $log"
  [[ $verdict == PASS ]]
}

[[ $# -gt 0 ]] || set -- virt raspi3b
for board in "$@"; do
  [[ $board == virt || $board == raspi3b ]] || die "usage: scripts/lab/run.sh [virt] [raspi3b]"
done
scripts/setup.sh lab
mkdir -p "$lab"
exec {lock}>"$lab/lock"
flock "$lock" # two runs would write to the same files
rm -f "$lab"/*.pid
trap 'rm -rf "$work"; find "$lab" -maxdepth 1 -name "*.pid" -exec cat {} + | xargs -r kill' EXIT
trap 'exit 1' INT TERM
if [[ ! -d $kernel ]]; then
  fetch &
  wait $! || { tail -n 5 "$lab/fetch.log" >&2; die "no kernel; check the network, and that apt's sources have arm64"; }
fi
build
for board in "$@"; do
  say "$board boots"
  try "$board" >"$lab/$board.said" 2>&1 &
  tries+=($!)
done
failed=0
for try in "${tries[@]}"; do wait "$try" || failed=1; done
for board in "$@"; do cat "$lab/$board.said"; done
exit "$failed"
