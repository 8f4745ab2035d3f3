#!/usr/bin/env bash
#
# fetch.sh system SUITE FOLDER   puts into FOLDER a Debian (bookworm, trixie) with nothing but what makes it one, and a user with sudo,
#                                technician: root.tar
# fetch.sh kernel SUITE FOLDER   puts into FOLDER what starts it on a machine:
#
#   vmlinuz    its kernel
#   modules    the kernel's modules that the machine needs, with gpio-sim, as a tree that begins with lib
#   initial    those of them without which it does not find its disk, their order, and a shell
#
# All of it is of that Debian, and nothing of it is installed on this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C
# shellcheck source=scripts/mirror.sh
. scripts/mirror.sh

what=$1 suite=$2 to=$(realpath -m "$3") top=$PWD
case $suite in
bookworm | trixie) ;;
*)
  echo "facegate: machine: there is no Debian $suite here" >&2
  exit 1
  ;;
esac

work=$to.new
rm -rf "$work"
mkdir -p "$work"/apt/{lists,cache/archives}/partial "$work"/{packages,got}
: >"$work/apt/status"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror Debian) $suite main" >"$work/apt/sources.list"
cat >"$work/apt/conf" <<CONF
APT::Architecture "amd64";
APT::Architectures "amd64";
Acquire::Languages "none";
Dir::State "$work/apt";
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "-";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
CONF

# system makes the system. What it has besides the essential packages any installation of Debian has.
system() {
  mmdebstrap --quiet --variant=minbase --include=systemd-sysv,udev,dbus,kmod,sudo,adduser,procps \
    --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash technician' \
    --customize-hook='echo "technician ALL=(ALL) NOPASSWD: ALL" >"$1/etc/sudoers.d/technician"' \
    --customize-hook='printf "127.0.0.1 localhost house\n" >"$1/etc/hosts"; echo house >"$1/etc/hostname"' \
    --customize-hook='mkdir -p "$1/media/stick"' \
    "$suite" "$work/got/root.tar" "$(cat "$work/apt/sources.list")" </dev/null
}

# kernel takes the kernel, and those of its modules that the machine needs, which may be compressed.
kernel() {
  export APT_CONFIG=$work/apt/conf
  cd "$work/packages"
  apt-get -q update -o APT::Update::Error-Mode=any
  image=$(apt-cache depends linux-image-amd64 | awk '/ Depends: linux-image/ {print $2}')
  version=${image#linux-image-}
  apt-get -q download "$image" busybox-static
  local package
  for package in *.deb; do dpkg-deb -x "$package" .; done
  [[ -d lib ]] || ln -s usr/lib lib # where Debian has it since 13
  cp "boot/vmlinuz-$version" ../got/vmlinuz
  cp "$(find . -path '*bin/busybox')" ../got/initial/busybox
  depmod -b . "$version"
  take initial nfit nd_pmem crc32c_generic ext4 >../initial
  take all nfit nd_pmem crc32c_generic ext4 vivid configfs autofs4 >/dev/null
  sed 's|.*/||; s|\.xz$||' ../initial >../got/initial/order
  local module
  while read -r module; do cp "../got/modules/${module%.xz}" ../got/initial/; done <../initial
}

# take puts modules with those that they need among the modules, unless it is to name them only, and names them in their order.
take() {
  local how=$1 name path
  shift
  for name in "$@"; do modprobe -d . -S "$version" --show-depends "$name"; done | sed -n 's|^insmod .*/\(lib/modules/[^ ]*\).*|\1|p' |
    awk '!seen[$0]++' | while read -r path; do
    mkdir -p "../got/modules/${path%/*}"
    case $path in
    *.xz) xz -dc "$path" >"../got/modules/${path%.xz}" ;;
    *) cp "$path" "../got/modules/$path" ;;
    esac
    printf '%s\n' "$path"
  done
}

case $what in
system) system ;;
kernel)
  mkdir "$work"/got/{initial,modules}
  kernel
  "$top/scripts/machine/gpiosim.sh" "$suite" "$version" "$work/got/modules/lib/modules"
  cp "lib/modules/$version"/modules.{order,builtin} "$work/got/modules/lib/modules/$version/"
  depmod -b "$work/got/modules" "$version"
  ;;
esac
rm -rf "$to"
mv "$work/got" "$to"
rm -rf "$work"
