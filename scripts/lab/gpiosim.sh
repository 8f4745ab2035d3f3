#!/usr/bin/env bash
#
# gpiosim.sh FOLDER VERSION   builds the kernel's simulated GPIO controller, gpio-sim, for Debian's kernel of that version on
# amd64, as FOLDER/gpio-sim.ko. Debian builds its kernel without it, and a PC has no controller that QEMU knows.
#
# The source is Debian's. Two things differ, because a module may not use all of the kernel: irq_sim.c is compiled along, and
# an interrupt is raised by its number.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lab/common.sh
. scripts/lab/common.sh

to=$1
version=$2
series=$(sed -E 's/^([0-9]+\.[0-9]+)\..*/\1/' <<<"$version")
work=$lab/gpiosim
headers=$work/usr/src/linux-headers-$version-amd64
source=linux-source-$series

rm -rf "$work"
mkdir -p "$work/module"
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download "linux-headers-$version-amd64" "linux-headers-$version-common" "linux-kbuild-$series" "$source" \
  linux-compiler-gcc-12-x86
for package in *.deb; do dpkg-deb -x "$package" .; done
tar -xJf "usr/src/$source.tar.xz" "$source"/{drivers/gpio/gpio-sim.c,drivers/gpio/gpiolib.h,kernel/irq/irq_sim.c}
cp "$source/drivers/gpio/gpio-sim.c" module/simulator.c
cp "$source/drivers/gpio/gpiolib.h" module/
sed 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$source/kernel/irq/irq_sim.c" >module/irq_sim.c
printf '%s\n' 'obj-m := gpio-sim.o' 'gpio-sim-y := simulator.o irq_sim.o' >module/Makefile
sed -i "s#^include /usr/src/#include $work/usr/src/#" "$headers/Makefile"
make -s -C "$headers" M="$work/module" modules
strip --strip-debug module/gpio-sim.ko
cp module/gpio-sim.ko "$to/"
