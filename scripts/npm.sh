#!/usr/bin/env bash
#
# npm.sh opencv-js FOLDER   puts OpenCV 4.10.0 for node into FOLDER, for the test that compares two versions of OpenCV
# npm.sh axe FOLDER         puts axe-core 4.14.1 into FOLDER, by which a test judges whether everybody can use the screen at the door
#
# Each comes from npm as one exact version, and nothing of it is kept unless its hash is the one below. Without network it says
# so, and the test is skipped.
set -euo pipefail

what=${1:-} folder=${2:-}
case $what in
opencv-js)
  package=@techstark/opencv-js@4.10.0-release.1 file=dist/opencv.js test="the comparison with it"
  integrity=sha512-S4XELidRiQeA0q1s9VQLo540wCxUo24r1O4C+LqZ6llX+sPCXvZCPv3Ice8dEIr0uavyZ8YZeKXSBdDgMXSXjw==
  ;;
axe)
  package=axe-core@4.14.1 file=axe.min.js test="the judgement of the screen by it"
  integrity=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
  ;;
esac
if [[ -z ${package:-} || -z $folder ]]; then
  echo "usage: scripts/npm.sh opencv-js|axe FOLDER" >&2
  exit 2
fi

wanted=$folder/$(sha256sum <<<"$integrity" | cut -c1-16).js # under another hash it is fetched again
[[ ! -s $wanted ]] || exit 0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if ! (cd "$tmp" && npm pack "$package" --loglevel=error --ignore-scripts --fetch-retries=1 --no-update-notifier >log 2>&1); then
  printf 'facegate: npm has no %s; %s is skipped\n' "$package" "$test" >&2
  tail -n 3 "$tmp/log" >&2
  exit 0
fi
wanted_sum=$(base64 -d <<<"${integrity#sha512-}" | od -An -v -tx1 | tr -d ' \n')
found_sum=$(sha512sum "$tmp"/*.tgz | cut -d' ' -f1)
if [[ $found_sum != "$wanted_sum" ]]; then
  printf 'facegate: %s is not the expected one: SHA-512 %s\n' "$package" "$found_sum" >&2
  exit 1
fi
mkdir -p "$folder"
tar -xzf "$tmp"/*.tgz -C "$tmp" "package/$file"
cp "$tmp/package/$file" "$tmp/new" && mv "$tmp/new" "$wanted"
ln -sf "$(basename "$wanted")" "$folder/$(basename "$file")"
