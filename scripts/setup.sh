#!/usr/bin/env bash
#
# setup.sh build   installs what this machine lacks to build facegate
# setup.sh test    the same, and what its tests need besides
# setup.sh release what builds a release and tries it, besides what builds facegate
# setup.sh lab     what the emulated boards of scripts/lab need, besides what builds facegate
#
# It runs on Debian 12 and changes nothing when nothing is missing. OS_RELEASE names the file that tells the system.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=(ca-certificates g++ pkg-config libopencv-dev libjpeg-dev)
tests=(mosquitto prometheus ffmpeg strace chromium fonts-wqy-microhei systemd openssh-client swtpm poppler-utils)
lab=(qemu-system-arm qemu-system-x86 cpio kmod make xz-utils bc libelf1 gcc-12 g++-aarch64-linux-gnu)
release=(cmake make zstd protobuf-compiler g++-aarch64-linux-gnu lld qemu-user-static mmdebstrap uidmap xz-utils lintian openssh-client procps)

say() { printf 'facegate: %s\n' "$*"; }

# die says what is wrong, and on further lines what to do.
die() {
  say "$1" >&2
  shift
  [[ $# -eq 0 ]] || printf '  %s\n' "$@" >&2
  exit 1
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# check_system refuses other systems: the binding to OpenCV fits one version of it, the one that Debian 12 has.
check_system() {
  local file=${OS_RELEASE:-/etc/os-release} system arch
  # shellcheck source=/dev/null
  system=$([[ -r $file ]] && . "$file" && echo "${ID:-unknown} ${VERSION_ID:-}") || system=unknown
  [[ $system == "debian 12" ]] || die "this system is $system; facegate is built on Debian 12, for its OpenCV 4.6.0" \
    "use a Debian 12 machine (Raspberry Pi OS of 2023 and 2024, 64 bits, is one) or a Debian 12 container"
  arch=$(dpkg --print-architecture)
  [[ $arch == amd64 || $arch == arm64 ]] || die "this processor is $arch; facegate runs on amd64 and arm64" \
    "on a Raspberry Pi 3 or later, install the 64-bit system"
}

check_go() {
  local want found
  want=$(sed -n 's/^go //p' go.mod)
  # Outside the module, and with the toolchain held back, so that go tells its own version and downloads none.
  found=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || found=none
  found=${found%% *}
  if ! printf '%s\n' "$want" "${found#go}" | sort -V -C || [[ $found == none ]]; then
    die "Go $want or newer is needed; found: $found" \
      "download Go for linux-$(dpkg --print-architecture) from https://go.dev/dl/ and unpack it into /usr/local," \
      "then: export PATH=/usr/local/go/bin:\$PATH"
  fi
}

# missing prints those of the packages that are not installed, one a line.
missing() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p') || true
  printf '%s\n' "$@" | grep -vxF "${installed:-none}" || true
}

check_root() {
  [[ $(id -u) -ne 0 ]] || return 0
  if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [[ ! -t 0 ]]; }; then
    die "packages are missing and only root may install them" "as root: apt-get install --no-install-recommends $*"
  fi
}

# apt runs apt-get. What it says goes to the log, its progress to standard output in steps of a tenth.
apt() {
  local line percent shown=0
  as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 -o APT::Status-Fd=1 "$@" 2>&1 </dev/null | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [[ $line =~ ^(dl|pm)status:[^:]*(:[a-z0-9]+)?:([0-9]+)\.[0-9]+: ]]; then
      percent=${BASH_REMATCH[3]}
      if [[ ${BASH_REMATCH[1]} == pm && $percent -ge $((shown + 10)) ]]; then
        shown=$((percent / 10 * 10))
        say "  $shown %"
      fi
    fi
  done
}

policy=/usr/sbin/policy-rc.d

# hold_services keeps packages from starting their services while they are installed (Debian Policy, 9.3.3).
hold_services() {
  [[ ! -e $policy && ! -L $policy ]] || return 0
  trap 'as_root rm -f "$policy"; rm -f "$log"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}

# Packages with a service of their own name, which the tests start by themselves, on a port and in a folder of their own.
services=(mosquitto prometheus)

# note_services notes which of them this machine has. They may be some that were not installed from a package.
note_services() {
  local service
  enabled="" running=""
  command -v systemctl >/dev/null || return 0
  for service in "${services[@]}"; do
    case $(systemctl is-enabled "$service.service" 2>/dev/null) in enabled*) enabled+=" $service " ;; esac
    [[ $(systemctl is-active "$service.service" 2>/dev/null) != active ]] || running+=" $service "
  done
}

# restore_service leaves a service as note_services found it.
restore_service() {
  if ! command -v systemctl >/dev/null; then
    [[ ! -x /etc/init.d/$1 ]] || as_root update-rc.d "$1" disable >/dev/null 2>&1 || true
    return 0
  fi
  [[ $enabled == *" $1 "* ]] || as_root systemctl --quiet disable "$1.service" >/dev/null 2>&1 || true
  [[ $running == *" $1 "* ]] || as_root systemctl --quiet stop "$1.service" >/dev/null 2>&1 || true
}

install() {
  local plan count size enabled running service failed=no
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  say "missing: $*"
  say "reading Debian's package lists"
  apt update -o APT::Update::Error-Mode=any || say "some package lists could not be read; going on with what there is"
  if ! plan=$(LC_ALL=C apt-get install --no-install-recommends --simulate "$@" 2>&1); then
    printf '%s\n' "$plan" | tail -n 5 >&2
    no_packages "$@"
  fi
  count=$(grep -c '^Inst ' <<<"$plan")
  size=$(apt-get install -y --no-install-recommends --print-uris "$@" | awk '/^\047/ {n += $3} END {printf "%.0f", n / 1e6}')
  say "installing $count packages (about $size MB to download)"
  note_services
  hold_services
  apt install "$@" || failed=yes
  for service in "${services[@]}"; do
    [[ " $* " != *" $service "* ]] || restore_service "$service"
  done
  if [[ $failed == yes ]]; then
    grep -E '^(E|W|Err)[:!]' "$log" | tail -n 5 >&2 || true
    no_packages "$@"
  fi
  say "installed"
}

no_packages() {
  die "apt could not install the packages" \
    "check the network, the free disk space and /etc/apt/sources.list, then run this again;" \
    "a machine without network needs these from a mirror or a disc: $*"
}

case ${1:-} in
build) packages=("${build[@]}") ;;
test) packages=("${build[@]}" "${tests[@]}") ;;
release) packages=("${release[@]}") ;;
lab) packages=("${lab[@]}") ;;
*) die "usage: scripts/setup.sh build|test|release|lab" ;;
esac
check_system
check_go
[[ $1 == lab || $1 == release ]] || command -v npm >/dev/null || packages+=(npm)
mapfile -t absent < <(missing "${packages[@]}")
[[ ${#absent[@]} -gt 0 ]] || exit 0
check_root "${absent[@]}"
install "${absent[@]}"
