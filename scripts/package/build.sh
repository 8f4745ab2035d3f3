#!/usr/bin/env bash
#
# build.sh BINARY ARCH FOLDER   makes FOLDER/facegate_VERSION_ARCH.deb of a facegate for amd64 or arm64
#
#   VERSION       of the package and of the binary; otherwise what version.sh prints
#   RELEASE_PUB   the public keys of releases, as ssh-keygen -Y verify takes them (allowed signers); by these the next package is
#                 checked. Without it no update can be checked on the gate
#   WORDS         a facegate of the same version that runs here, for its manual page; otherwise one is built
#
# The same source and binary give the same package, byte by byte: times are that of the commit, or SOURCE_DATE_EPOCH.
set -euo pipefail

die() {
  printf 'facegate: %s\n' "$@" >&2
  exit 1
}

[[ $# -eq 3 ]] || die "usage: scripts/package/build.sh BINARY ARCH FOLDER"
binary=$(realpath "$1") arch=$2 folder=$(realpath -m "$3")
[[ -z ${RELEASE_PUB:-} ]] || RELEASE_PUB=$(realpath "$RELEASE_PUB")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

nfpm=${NFPM:-.build/tools/nfpm}
[[ -x $nfpm ]] || die "there is no $nfpm; build it with: scripts/package/tools.sh .build/tools"
VERSION=${VERSION:-$(scripts/version.sh)}
[[ $VERSION =~ ^[0-9][A-Za-z0-9.+~]*$ ]] || die "$VERSION is no version of a Debian package"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
MAINTAINER="${DEBFULLNAME:-facegate maintainers} <${DEBEMAIL:-maintainers@facegate.invalid}>"
umask 022
PATH=$PATH:/usr/sbin:/sbin # where ldconfig is, of which Debian tells root alone

# check_arch refuses a binary for another architecture than the package is for.
check_arch() {
  local machine found
  case $arch in
  amd64) machine=X86-64 ;;
  arm64) machine=AArch64 ;;
  *) die "$arch is neither amd64 nor arm64" ;;
  esac
  found=$(readelf -h "$binary" 2>/dev/null | sed -n 's/^ *Machine: *//p') || true
  [[ $found == *"$machine" ]] || die "$binary is not for $arch: ${found:-it is no program}"
}

# needed prints the packages that have the shared libraries of the binary: none of a static one.
needed() {
  local library path libraries
  mapfile -t libraries < <(readelf -d "$binary" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  [[ ${#libraries[@]} -gt 0 ]] || return 0
  [[ $arch == $(dpkg --print-architecture) ]] ||
    die "a binary for $arch with shared libraries is packaged on $arch; here only a static one"
  for library in "${libraries[@]}"; do
    path=$(ldconfig -p | sed -n "s#^\s*$library (.*) => ##p" | head -n 1)
    [[ -n $path ]] || die "$binary needs $library, which this machine does not have"
    path=$(realpath "$path") # of which dpkg knows either name, where /lib is /usr/lib
    { dpkg -S "$path" "${path#/usr}" 2>/dev/null || true; } | cut -d: -f1
  done | sort -u | paste -sd, | sed 's/,/, /g'
}

# words prints what facegate itself says, such as its manual page.
words() {
  if [[ -z ${WORDS:-} ]]; then
    WORDS=$scratch/words
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-X main.version=$VERSION" -o "$WORDS" ./cmd/facegate
  fi
  "$WORDS" "$@"
}

put() { install -D -m "${3:-644}" "$1" "$stage/$2"; }

# pack puts what is on standard input into a file, compressed.
pack() {
  mkdir -p "$(dirname "$stage/$1")"
  gzip -9n >"$stage/$1"
}

# changes prints what came since the release before, as Debian writes it. Without one it is what came last: a clone may not be deep.
changes() {
  local before which=(-20 HEAD)
  if before=$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null); then which=("$before..HEAD"); fi
  printf 'facegate (%s) stable; urgency=medium\n\n' "$VERSION"
  git log --format='  * %s' "${which[@]}" | fold -s -w 78 | sed -e 's/ *$//' -e 's/^[^ ]/    &/'
  printf '\n -- %s  %s\n' "$MAINTAINER" "$(LC_ALL=C date -Ru -d "@$SOURCE_DATE_EPOCH")"
}

# notices prints the licences of all that is linked into the binary.
notices() {
  printf '==== Go\n\n%s\n\n' "$(cat "$(go env GOROOT)/LICENSE")"
  go version -m "$binary" | awk '$1 == "dep" {print $2 "@" $3}' | while read -r module; do
    for licence in "$(go env GOMODCACHE)/$(escape "$module")"/{LICENSE,LICENCE,COPYING,NOTICE}*; do
      [[ ! -f $licence ]] || printf '==== %s: %s\n\n%s\n\n' "$module" "${licence##*/}" "$(cat "$licence")"
    done
  done
}

# escape writes a module as the module cache does.
escape() { sed 's/[A-Z]/!\L&/g' <<<"$1"; }

lay() {
  put "$binary" usr/bin/facegate 755
  put scripts/package/watch-update usr/lib/facegate/watch-update 755
  put configs/facegate.service usr/lib/systemd/system/facegate.service
  put configs/facegate-update.service usr/lib/systemd/system/facegate-update.service
  put configs/99-zz-facegate.rules usr/lib/udev/rules.d/99-zz-facegate.rules
  put configs/sysusers.conf usr/lib/sysusers.d/facegate.conf
  put configs/tmpfiles.conf usr/lib/tmpfiles.d/facegate.conf
  put configs/facegate.yaml usr/share/doc/facegate/examples/facegate.yaml
  put configs/mosquitto.conf usr/share/doc/facegate/examples/mosquitto.conf
  put configs/mosquitto-tls.conf usr/share/doc/facegate/examples/mosquitto-tls.conf
  put configs/alerts.yaml usr/share/doc/facegate/examples/alerts.yaml
  put scripts/package/copyright usr/share/doc/facegate/copyright
  put scripts/package/lintian-overrides usr/share/lintian/overrides/facegate
  [[ -z ${RELEASE_PUB:-} ]] || put "$RELEASE_PUB" usr/share/facegate/release.pub
  mkdir -p "$stage/etc/facegate"
  changes | pack usr/share/doc/facegate/changelog.gz
  notices | pack usr/share/doc/facegate/notices.gz
  words man | pack usr/share/man/man1/facegate.1.gz
  mkdir -p "$stage"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
  words completion bash >"$stage/usr/share/bash-completion/completions/facegate"
  words completion zsh >"$stage/usr/share/zsh/vendor-completions/_facegate"
  words completion fish >"$stage/usr/share/fish/vendor_completions.d/facegate.fish"
  install -D -m 755 scripts/package/motd "$scratch/motd"
  find "$stage" "$scratch/motd" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
stage=$scratch/stage
check_arch
DEPENDS=$(needed)
lay
mkdir -p "$folder"
export VERSION SOURCE_DATE_EPOCH MAINTAINER DEPENDS ARCH=$arch STAGE=$stage MOTD=$scratch/motd
"$nfpm" package --config scripts/package/nfpm.yaml --packager deb --target "$folder/facegate_${VERSION}_$arch.deb" >"$scratch/said" ||
  die "nfpm: $(cat "$scratch/said")"
printf 'facegate: made %s\n' "$folder/facegate_${VERSION}_$arch.deb"
