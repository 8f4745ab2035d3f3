#!/usr/bin/env bash
#
# release.sh VERSION FROM FOLDER   makes packages of FROM/facegate-amd64 and FROM/facegate-arm64 in FOLDER, of those that are there, lists
#                                  what is in them, and signs it
#
#   RELEASE_KEY   the private key, a file of ssh-keygen, or a public key whose private one an agent has. Its public key goes into the
#                 packages, so that gates check the next release by it. Without it the release is not signed, and says so
#   OPENCV        where scripts/opencv.sh has put what the programs are linked with; otherwise .build/opencv
#   RELEASE_PUB   all keys that the next releases may be signed with, if there is another one than that
set -euo pipefail

say() { printf 'facegate: release: %s\n' "$@" >&2; }

# signable fails unless the packages will be of what git has, and the programs of the same commit as the packages.
signable() {
  local built=$from/tests/commit
  scripts/package/committed.sh
  if [[ $VERSION == *dirty* ]]; then
    say "not signed: version $VERSION was built of files that git does not have"
    return 1
  fi
  if [[ -e $built && $(cat "$built") != "$(git rev-parse HEAD)" ]]; then
    say "not signed: the programs in $from are of commit $(cat "$built"), and the checkout is at another: make release"
    return 1
  fi
}

[[ $# -eq 3 ]] || {
  echo "usage: scripts/package/release.sh VERSION FROM FOLDER" >&2
  exit 2
}
export VERSION=$1
from=$(realpath "$2") folder=$(realpath -m "$3")
[[ $from/ != "$folder"/* ]] || {
  say "$folder has the programs, and would be emptied: name another folder for the packages"
  exit 1
}
[[ -z ${RELEASE_KEY:-} ]] || RELEASE_KEY=$(realpath -s "$RELEASE_KEY")
[[ -z ${RELEASE_PUB:-} ]] || RELEASE_PUB=$(realpath "$RELEASE_PUB")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
opencv=${OPENCV:-.build/opencv}
[[ -z ${RELEASE_KEY:-} ]] || signable
scripts/package/tools.sh .build/tools
rm -rf "$folder" && mkdir -p "$folder"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
WORDS=${WORDS:-$from/facegate-$(dpkg --print-architecture)} # whose manual page goes into both
export WORDS

if [[ -n ${RELEASE_KEY:-} && -z ${RELEASE_PUB:-} ]]; then
  RELEASE_PUB=$(mktemp)
  trap 'rm -f "$RELEASE_PUB"' EXIT
  printf 'facegate-release %s\n' "$(cat "${RELEASE_KEY%.pub}.pub")" >"$RELEASE_PUB"
  export RELEASE_PUB
fi

# parts lists what a program is made of, the same each time.
parts() {
  local arch=$1
  .build/tools/cyclonedx-gomod bin -json -noserial -version "$VERSION" "$from/facegate-$arch" 2>/dev/null |
    sed '/^ *"timestamp":/d' | go run ./scripts/package/sbom "$arch" "$opencv/$arch/made-of"
}

for arch in amd64 arm64; do
  if [[ ! -e $from/facegate-$arch ]]; then
    say "there is no $from/facegate-$arch, so that this release has no package for $arch"
    continue
  fi
  scripts/package/build.sh "$from/facegate-$arch" "$arch" "$folder"
  parts "$arch" >"$folder/facegate_${VERSION}_$arch.cdx.json"
done
(cd "$folder" && sha256sum ./*.deb ./*.json | sed 's# \./# #' >SHA256SUMS)
if command -v lintian >/dev/null; then
  lintian --fail-on error,warning "$folder"/*.deb
else
  say "lintian is missing, so that it has not looked at the packages: scripts/setup.sh release"
fi
if [[ -n ${RELEASE_KEY:-} ]]; then
  ssh-keygen -q -Y sign -n facegate-release -f "$RELEASE_KEY" "$folder/SHA256SUMS"
  # With keys of another form no gate could check the release after this one.
  ssh-keygen -q -Y verify -f "$RELEASE_PUB" -I facegate-release -n facegate-release -s "$folder/SHA256SUMS.sig" <"$folder/SHA256SUMS" || {
    rm "$folder/SHA256SUMS.sig"
    say "not signed: RELEASE_PUB has no line \"facegate-release TYPE KEY\" of the key that signs (docs/release.md)"
    exit 1
  }
  say "signed: $folder"
else
  say "made, and not signed, as RELEASE_KEY names no key (docs/release.md): $folder"
fi
