#!/usr/bin/env bash
#
# release.sh VERSION FOLDER   builds a release into FOLDER: facegate-amd64 and facegate-arm64, each one file that needs nothing of the
#                             system it runs on, and SHA256SUMS. FOLDER/tests has tests that are built and linked as they are.
# release.sh again FOLDER     builds the release in FOLDER anew, from the commit that it was built of, in another folder and with an
#                             empty cache, and compares
#
# Whoever builds the same commit with the same Go and the same OpenCV (scripts/opencv.sh) gets the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

arches=(amd64 arm64)

say() { printf 'facegate: release: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# static runs go for an architecture: what it links has all that it needs inside, wherever in memory it comes to lie. Functions of the
# binding that facegate never calls are left out, and with them what they would need of OpenCV. lld writes in 40 kB for both processors
# which addresses move with the program, where GNU's linker takes 3 MB.
static() {
  local arch=$1 verb=$2 triplet opencv=$PWD/.build/opencv/$1 flags linker
  shift 2
  case $arch in
  amd64) triplet=x86_64-linux-gnu ;;
  arm64) triplet=aarch64-linux-gnu ;;
  esac
  # The name of the OpenCV is a flag, since go would take what it compiled with another one for the same.
  flags="-O2 -ffunction-sections -fdata-sections -ffile-prefix-map=$PWD=. -DOPENCV_FROM=$(cd "$opencv" && echo opencv-*)"
  # A compiler for the other processor looks for a linker only where it is told to.
  linker="-fuse-ld=lld -B$(dirname "$(realpath "$(command -v ld.lld)")") -Wl,-z,relro,-z,now,--pack-dyn-relocs=relr"
  CGO_ENABLED=1 GOOS=linux GOARCH=$arch CC=$triplet-gcc CXX=$triplet-g++ \
    PKG_CONFIG_LIBDIR=$opencv/lib/pkgconfig PKG_CONFIG_PATH='' CGO_CFLAGS=$flags CGO_CXXFLAGS=$flags CGO_LDFLAGS=-Wl,--gc-sections \
    nice go "$verb" -trimpath -buildvcs=false -buildmode=pie -tags netgo,osusergo \
    -ldflags "-s -w -buildid= -linkmode=external -extldflags '-static-pie $linker' -X main.version=$version" "$@"
}

# build builds for an architecture, in one step.
build() {
  local arch=$1 to=$2
  say "building for $arch"
  scripts/opencv.sh "$arch"
  static "$arch" build -o "$to/facegate-$arch.new" ./cmd/facegate
  mv "$to/facegate-$arch.new" "$to/facegate-$arch"
}

# check refuses a program that asks for a loader or a library.
check() {
  local dynamic
  dynamic=$(readelf -lWd "$1") || die "$1 cannot be read"
  dynamic=$(grep -E 'INTERP|NEEDED' <<<"$dynamic") || return 0
  die "$1 needs something of the system:" "$dynamic"
}

release() {
  local to=$1 arch commit
  commit=$(git rev-parse HEAD)
  mkdir -p "$to/tests"
  for arch in "${arches[@]}"; do
    build "$arch" "$to"
    check "$to/facegate-$arch"
    static "$arch" test -c -o "$to/tests/vision-$arch" ./pipeline/vision
    static "$arch" test -c -o "$to/tests/camera-$arch" ./cmd/facegate/internal/camera
  done
  echo "$commit" >"$to/tests/commit"
  (cd "$to" && sha256sum "${arches[@]/#/facegate-}" >SHA256SUMS)
  say "built in $((SECONDS / 60)) min $((SECONDS % 60)) s:"
  (cd "$to" && du --apparent-size --si "${arches[@]/#/facegate-}") >&2
}

# again builds in another folder what the folder of the release has.
again() {
  local from arch
  from=$(realpath "$1")
  [[ -s $from/SHA256SUMS ]] || die "there is no release in $1"
  version=$("$from/facegate-$(dpkg --print-architecture)" version | cut -d' ' -f2)
  [[ $version != *dirty ]] || die "it was built of files that git does not have"
  elsewhere=$(mktemp -d) # not local: it is removed when this function is over
  trap 'rm -rf "$elsewhere"' EXIT
  mkdir "$elsewhere/source" "$elsewhere/built"
  git archive "$(cat "$from/tests/commit")" | tar -xf - -C "$elsewhere/source"
  cd "$elsewhere/source"
  export GOCACHE=$elsewhere/cache
  for arch in "${arches[@]}"; do build "$arch" "$elsewhere/built"; done
  (cd "$elsewhere/built" && sha256sum --check "$from/SHA256SUMS" >&2) || die "it is not the same when it is built elsewhere"
  say "the same bytes, built in another folder in $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

[[ $# -eq 2 ]] || die "usage: scripts/release.sh VERSION|again FOLDER"
case $1 in
again) again "$2" ;;
*)
  version=$1
  release "$2"
  ;;
esac
