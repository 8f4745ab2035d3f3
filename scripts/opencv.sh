#!/usr/bin/env bash
#
# opencv.sh ARCH   puts the OpenCV that a release is linked with into .build/opencv/ARCH: core, imgproc and dnn, with libjpeg-turbo,
#                  protobuf and zlib, as archives, their headers, and what pkg-config tells of them. ARCH is amd64 or arm64.
#
# It is built once. What was built is packed as opencv-4.10.0-ARCH-KEY.tar.zst, where KEY is the SHA-256 of all that it is made by:
# scripts/opencv/build.sh, which names the sources by their hashes and the compiler's flags, and the compiler. It is looked for
#
#   1. in FACEGATE_CACHE, or ~/.cache/facegate, where it is put when it was built, with a file of its SHA-256;
#   2. beside the checkout, in .. and ../shared;
#
# and is built where it is in neither: about 15 minutes of processor time. Each time that it is used its SHA-256 has to be the one in
# scripts/opencv/sums, or, in the cache, the one that it had when it was built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

say() { printf 'facegate: opencv: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

arch=${1:-}
case $arch in
amd64) compiler=x86_64-linux-gnu-g++ ;;
arm64) compiler=aarch64-linux-gnu-g++ ;;
*) die "usage: scripts/opencv.sh amd64|arm64" ;;
esac
command -v "$compiler" >/dev/null || die "there is no $compiler: scripts/setup.sh release"

# key names all that an artefact is made by.
key() {
  { cat scripts/opencv/build.sh && "$compiler" --version | sed 1q; } | sha256sum | cut -c1-16
}

# has succeeds if the artefact in a folder has the hash that a list of hashes says.
has() {
  local folder=$1 list=$2
  [[ -s $list ]] || return 1
  (cd "$folder" && awk -v name="$name" '$2 == name' "$list" | sha256sum --check --status 2>/dev/null)
}

# cached succeeds if the artefact is in the cache as it was when it was built, or as others know it. One that is not is taken away.
cached() {
  [[ -s $cache/$name ]] || return 1
  if has "$cache" "$cache/$name.sha256" || has "$cache" "$sums"; then return; fi
  say "$cache/$name is damaged, or nobody knows who built it; it is taken away"
  rm -f "$cache/$name" "$cache/$name.sha256"
  return 1
}

# beside prints the artefact that lies beside the checkout, if its hash is known.
beside() {
  local folder
  for folder in .. ../shared; do
    [[ -s $folder/$name ]] || continue
    if has "$folder" "$sums"; then
      printf '%s\n' "$folder/$name"
      return
    fi
    say "$folder/$name is not the one in scripts/opencv/sums, and is left alone"
  done
  return 1
}

# put unpacks the artefact, in one step.
put() {
  local new=$to.new
  rm -rf "$new" && mkdir -p "$new"
  zstd -qdc "$1" | tar -xf - -C "$new"
  rm -rf "$to" && mv "$new" "$to"
}

name=opencv-4.10.0-$arch-$(key).tar.zst
cache=${FACEGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/facegate}
sums=$PWD/scripts/opencv/sums
to=$PWD/.build/opencv/$arch
mkdir -p "$cache" .build/opencv
exec {lock}>"$cache/$arch.lock"
flock "$lock" # two that build the same at once would each take twice as long
if ! cached && found=$(beside); then
  cp "$found" "$cache/$name.new" && mv "$cache/$name.new" "$cache/$name"
  say "took $found"
fi
if ! cached; then
  say "building OpenCV 4.10.0 for $arch; about 15 minutes of processor time, with $(nproc) cores"
  nice scripts/opencv/build.sh "$arch" "$cache/$name"
  (cd "$cache" && sha256sum "$name" >"$name.sha256")
fi
put "$cache/$name" # each time: what was unpacked before may not be whole any more
touch "$to/$name"
say "$to is of $name, SHA-256 $(sha256sum "$cache/$name" | cut -d' ' -f1)"
