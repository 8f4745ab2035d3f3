#!/usr/bin/env bash
#
# opencv-js.sh FOLDER   puts OpenCV 4.10.0 for node into FOLDER, for the test that compares two versions of OpenCV
#
# It comes from npm as one exact version, and nothing of it is kept unless its hash is the one below. Without network it says
# so, and the test is skipped.
set -euo pipefail

package=@techstark/opencv-js@4.10.0-release.1
integrity=sha512-S4XELidRiQeA0q1s9VQLo540wCxUo24r1O4C+LqZ6llX+sPCXvZCPv3Ice8dEIr0uavyZ8YZeKXSBdDgMXSXjw==

folder=${1:?usage: scripts/opencv-js.sh FOLDER}
wanted=$folder/$(sha256sum <<<"$integrity" | cut -c1-16).js # under another hash it is fetched again
[[ ! -s $wanted ]] || exit 0

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
if ! (cd "$tmp" && npm pack "$package" --loglevel=error --ignore-scripts --fetch-retries=1 --no-update-notifier >log 2>&1); then
  printf 'facegate: npm has no %s; the comparison with it is skipped\n' "$package" >&2
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
tar -xzf "$tmp"/*.tgz -C "$tmp" package/dist/opencv.js
cp "$tmp/package/dist/opencv.js" "$tmp/new" && mv "$tmp/new" "$wanted"
ln -sf "$(basename "$wanted")" "$folder/opencv.js"
