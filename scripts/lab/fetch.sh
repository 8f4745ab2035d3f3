#!/usr/bin/env bash
#
# fetch.sh ARCH   takes what a board of that architecture needs out of Debian's packages, into .build/lab/ARCH:
#
#   vmlinuz       the kernel
#   raspi3b.dtb   what tells it what a Raspberry Pi 3 has; arm64 only
#   root          what the initramfs begins with: a shell, the kernel's modules, and the libraries that facegate calls
#
# Nothing of another architecture is installed: apt works on this machine's own archives, with a state of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lab/common.sh
. scripts/lab/common.sh

top=$PWD
arch=${1:-}
triplet=$(triplet "$arch")
to=$lab/$arch
work=$lab/fetch-$arch

# The packages that hold OpenCV, libjpeg, and what these load. Their dependencies would be 70, with a compiler for graphics.
libraries=(libopencv-core406 libopencv-imgproc406 libopencv-dnn406 libjpeg62-turbo libprotobuf32 libtbb12 liblapack3 libblas3
  libgfortran5 libc6 libstdc++6 libgcc-s1 zlib1g libglx0 libglvnd0 libx11-6 libxcb1 libxau6 libxdmcp6 libbsd0 libmd0)
[[ $arch != amd64 ]] || libraries+=(libquadmath0)

case $arch in
arm64) modules=(vivid bcm2835_wdt uinput evdev) ;;
amd64) modules=(vivid configfs uinput evdev) ;;
esac

# of_arch runs a program of apt for the architecture.
of_arch() {
  local program=$1
  shift
  "$program" -q -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o Acquire::Languages=none \
    -o "Dir::State::Lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache" "$@"
}

download() {
  local image package
  of_arch apt-get update -o APT::Update::Error-Mode=any
  image=$(of_arch apt-cache depends "linux-image-$arch" | awk '/ Depends: linux-image/ {print $2}')
  of_arch apt-get download "$image" busybox-static "${libraries[@]}"
  for package in *.deb; do dpkg-deb -x "$package" .; done
  version=${image#linux-image-}
}

take_kernel() {
  local module
  cp "boot/vmlinuz-$version" ../got/vmlinuz
  [[ $arch != arm64 ]] || cp "usr/lib/linux-image-$version/broadcom/bcm2837-rpi-3-b.dtb" ../got/raspi3b.dtb
  depmod -b . "$version"
  for module in "${modules[@]}"; do modprobe -d . -S "$version" --show-depends "$module"; done |
    sed -n 's|^insmod .*/lib/modules/|lib/modules/|p' | xargs cp --parents -t ../got/root
  cp --parents "lib/modules/$version"/modules.{order,builtin} ../got/root
  depmod -b ../got/root "$version"
}

# take_programs takes the shell, and all libraries into one folder, which the loader finds without a cache.
take_programs() {
  cp bin/busybox ../got/root/bin/busybox
  ln -s busybox ../got/root/bin/sh
  find "lib/$triplet" "usr/lib/$triplet" -regex '.*\.so\.[0-9]+' -exec cp -L -t ../got/root/usr/lib {} +
  case $arch in
  arm64) cp -L --parents -t ../got/root lib/ld-linux-aarch64.so.1 ;;
  amd64) cp -L --parents -t ../got/root lib64/ld-linux-x86-64.so.2 ;;
  esac
}

say "downloading Debian's kernel and libraries for $arch, about 75 MB"
rm -rf "$work"
mkdir -p "$work"/{lists,cache/archives}/partial "$work"/{packages,got/root/bin,got/root/usr/lib}
trap 'rm -rf "$work"' EXIT
: >"$work/status"
exec >"$lab/fetch-$arch.log" 2>&1
cd "$work/packages"
download
take_kernel
take_programs
[[ $arch != amd64 ]] || "$top/scripts/lab/gpiosim.sh" "$work/got/root/lib/modules" "${version%-amd64}"
rm -rf "$to"
mv ../got "$to"
