#!/usr/bin/env bash
#
# build.sh NAME SYSTEM KERNEL STICK   makes what the machine NAME is started with, in .build/machine/NAME: its kernel, what comes before
#                                     its system, its disk and the stick. SYSTEM and KERNEL are folders of fetch.sh, STICK is one with
#                                     what is to be on the stick
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:/usr/sbin:/sbin

to=$PWD/.build/machine/$1 system=$2 kernel=$3 stick=$4

# disk makes the disk, with the system as it comes and the modules that its kernel would have brought. Its files belong to anybody.
disk() {
  mkdir "$to/root"
  tar -xf "$system/root.tar" -C "$to/root" --exclude='./dev/*'
  cp -r "$kernel/modules/lib/modules" "$to/root/usr/lib/"
  chown -R 0:0 "$to/root/usr/lib/modules"
  mke2fs -q -F -t ext4 -L system -d "$to/root" "$to/disk.img" 1G
  rm -rf "$to/root"
}

initial() {
  mkdir -p "$to/initial"/{bin,modules}
  cp scripts/machine/init "$to/initial/init"
  cp "$kernel"/initial/* "$to/initial/modules/"
  mv "$to/initial/modules/busybox" "$to/initial/bin/"
  ln -s busybox "$to/initial/bin/sh"
  (cd "$to/initial" && find . | cpio --quiet -o -H newc) >"$to/initramfs.cpio"
  rm -rf "$to/initial"
}

rm -rf "$to"
mkdir -p "$to"
cp "$kernel/vmlinuz" "$to/vmlinuz"
export -f disk
export to system kernel
if [[ $(id -u) -eq 0 ]]; then disk; else unshare --map-auto --map-root-user -- bash -euc disk; fi
initial
mke2fs -q -F -t ext4 -L stick -d "$stick" "$to/stick.img" 256M
