#!/usr/bin/env bash
#
# gpiosim.sh SUITE VERSION FOLDER   builds the kernel's simulated GPIO controller for the kernel of that version, as FOLDER/gpio-sim.ko
#
# Debian builds its kernels without it. That of Debian 12 is built as the lab builds it. The tools of Debian 13's kernel run on
# Debian 13 alone, so that it is built in a root with its compiler. apt is set to the packages of that Debian, by a file beside
# its list of sources, which APT_CONFIG names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suite=$1 version=$2 to=$3
[[ $suite != bookworm ]] || exec scripts/lab/gpiosim.sh "$to" "${version%-amd64}"

# inside builds it in a root that has a compiler.
inside() {
  local root=$1 package
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$root"; done
  cp -r "$work/module" "$root/module"
  chroot "$root" make -s -C "/usr/src/linux-headers-$version" M=/module modules
  strip --strip-debug "$root/module/gpio-sim.ko" -o "$to/gpio-sim.ko"
}

if [[ ${4:-} == inside ]]; then
  work=$5
  inside "$6"
  exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
series=linux-source-$(cut -d. -f1,2 <<<"$version")
cd "$work"
mapfile -t headers < <(apt-cache depends "linux-headers-$version" | awk '/Depends: linux-(headers|kbuild)/ {print $2}')
apt-get -q download "linux-headers-$version" "${headers[@]}" "$series"
dpkg-deb --fsys-tarfile "$series"_*.deb | tar -xO "./usr/src/$series.tar.xz" |
  tar -xJ "$series"/{drivers/gpio/gpio-sim.c,drivers/gpio/gpiolib.h,kernel/irq/irq_sim.c}
rm "$series"_*.deb
mkdir module
cp "$series/drivers/gpio/gpio-sim.c" module/simulator.c
cp "$series/drivers/gpio/gpiolib.h" module/
sed 's/handle_simple_irq(irq_to_desc(irqnum));/generic_handle_irq(irqnum);/' "$series/kernel/irq/irq_sim.c" >module/irq_sim.c
printf '%s\n' 'obj-m := gpio-sim.o' 'gpio-sim-y := simulator.o irq_sim.o' >module/Makefile
sources=$(cat "${APT_CONFIG%/*}/sources.list")
env -u APT_CONFIG mmdebstrap --quiet --variant=apt --include=gcc-14,make,pahole,libelf1t64,libssl3t64,zlib1g \
  --customize-hook="$OLDPWD/scripts/machine/gpiosim.sh $suite $version $to inside $work \"\$1\"" \
  "$suite" /dev/null "$sources" </dev/null
