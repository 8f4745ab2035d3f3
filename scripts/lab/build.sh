#!/usr/bin/env bash
#
# build.sh ARCH   builds facegate and the programs of the lab for a board, and the initramfs that they run from, in
# .build/lab/ARCH, where fetch.sh has been.
#
# Where .build/release has the program of a release for that architecture ("make release"), it is that one. Otherwise facegate is
# linked with Debian's OpenCV 4.6, of which it takes what it calls: three libraries. The headers are this machine's; they are the
# same for both architectures.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/lab/common.sh
. scripts/lab/common.sh

arch=${1:-}
triplet=$(triplet "$arch")
from=$lab/$arch
root=$from/initramfs

# describe writes what pkg-config tells of OpenCV and libjpeg, instead of what this machine has.
describe() {
  local own libs=$from/root/usr/lib
  own=$(triplet "$(dpkg --print-architecture)")
  mkdir -p "$from"/{include,pkgconfig}
  ln -sfn /usr/include/opencv4 "$from/include/opencv4"
  ln -sfn "/usr/include/$own/opencv4" "$from/include/opencv4-modules"
  ln -sf /usr/include/j{peglib,morecfg,error}.h "/usr/include/$own/jconfig.h" "$from/include/"
  printf '%s\n' 'Name: opencv4' 'Description: what facegate calls of OpenCV' 'Version: 4.6.0' \
    "Cflags: -I$from/include/opencv4 -I$from/include/opencv4-modules" \
    "Libs: -L$libs -l:libopencv_dnn.so.406 -l:libopencv_imgproc.so.406 -l:libopencv_core.so.406" >"$from/pkgconfig/opencv4.pc"
  printf '%s\n' 'Name: libjpeg' 'Description: libjpeg' 'Version: 2.1' \
    "Cflags: -I$from/include" "Libs: -L$libs -l:libjpeg.so.62" >"$from/pkgconfig/libjpeg.pc"
}

# build_gate links facegate without those functions of the binding that it never calls, and so without OpenCV's windows,
# videos and files of pictures.
build_gate() {
  CGO_ENABLED=1 GOARCH=$arch CC=$triplet-gcc CXX=$triplet-g++ PKG_CONFIG_LIBDIR=$from/pkgconfig \
    CGO_CFLAGS='-O2 -ffunction-sections' CGO_CXXFLAGS='-O2 -ffunction-sections' \
    CGO_LDFLAGS="-Wl,--gc-sections -Wl,--as-needed -Wl,-rpath-link,$from/root/usr/lib" \
    go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$root/usr/bin/facegate" ./cmd/facegate
}

build_tests() {
  CGO_ENABLED=0 GOARCH=$arch go test -c -trimpath -ldflags '-s -w' -o "$root/tests/" \
    ./device/v4l2 ./gpio/cdev ./scripts/lab
}

# put_files puts the unit, the networks that anybody can fetch, and what is shown to the camera.
put_files() {
  local file
  mkdir -p "$root"/{etc/facegate,etc/systemd/system,var/lib/facegate/models}
  cp configs/facegate.service "$root/etc/systemd/system/"
  cp .build/models/fr_*.onnx "$root/var/lib/facegate/models/"
  cp scripts/lab/init scripts/lab/devices "$root"
  for file in testdata/walk/p01/{0020,0040,0060,0061,0062,0064,0065,0066,0107}.jpg \
    testdata/walk/s02/00{20,40,64,65,66}.jpg; do
    cp --parents "$file" "$root"
  done
}

rm -rf "$root"
cp -r "$from/root" "$root"
released=.build/release/facegate-$arch
if [[ -x $released ]]; then
  say "the gate is that of the release, $released"
  install -D "$released" "$root/usr/bin/facegate"
else
  describe
  build_gate
fi
build_tests
put_files
(cd "$root" && find . | cpio --quiet -o -H newc) >"$from/initramfs.cpio"
