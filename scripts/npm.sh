#!/usr/bin/env bash
#
# npm.sh opencv-js FOLDER   puts OpenCV 4.10.0 for node into FOLDER, for the test that compares two versions of OpenCV
# npm.sh axe FOLDER         puts axe-core 4.14.1 into FOLDER, by which a test judges whether everybody can use the screen at the door
# npm.sh asyncapi FOLDER    puts the parser of AsyncAPI 3.6.3 into FOLDER, by which a test reads what building systems are given
# npm.sh mqtt FOLDER        puts mqtt.js 5.16.0 into FOLDER/node_modules, with which a test runs docs/consumers/consumer.mjs
# npm.sh nats FOLDER        puts nats.js 3.4.0 into FOLDER/node_modules, with which a test runs docs/consumers/stream.mjs
# npm.sh node-red FOLDER    puts Node-RED 4.1.15 into FOLDER/node_modules, with which a test runs docs/consumers/flow.json
#
# Each comes from npm as one exact version, and nothing of it is kept unless its hash is the one below, or, of the last three and all
# that they are made of, the one in scripts/npm. No script of any package is run. Without network it says so, and the test is skipped.
set -euo pipefail

what=${1:-} folder=${2:-}
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

# tree puts a package with all that it needs into folder, as scripts/npm has them.
tree() {
  local pinned=$here/npm/$what stamp
  stamp=$folder/$(cat "$pinned"/*.json | sha256sum | cut -c1-16) # of other versions it is fetched again
  [[ ! -e $stamp ]] || return 0
  rm -rf "$folder"
  mkdir -p "$folder"
  cp "$pinned"/*.json "$folder"
  if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --fetch-retries=1 --no-update-notifier >log 2>&1); then
    printf 'facegate: npm has not all of %s; the test with it is skipped\n' "$what" >&2
    tail -n 3 "$folder/log" >&2
    rm -rf "$folder"
    return 0
  fi
  touch "$stamp"
}

case $what in
opencv-js)
  package=@techstark/opencv-js@4.10.0-release.1 file=dist/opencv.js test="the comparison with it"
  integrity=sha512-S4XELidRiQeA0q1s9VQLo540wCxUo24r1O4C+LqZ6llX+sPCXvZCPv3Ice8dEIr0uavyZ8YZeKXSBdDgMXSXjw==
  ;;
axe)
  package=axe-core@4.14.1 file=axe.min.js test="the judgement of the screen by it"
  integrity=sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==
  ;;
asyncapi)
  package=@asyncapi/parser@3.6.3 file=browser/index.js test="the reading of the contract by it" # whole, with all that it needs
  integrity=sha512-MUC8xIUMcS2qNvqrqyx/ie0txu3d/OdIsrXs7UCzawdyR6P07gh35DpOqPz/z57s1UA3vERVpcheZYl3h8cVtw==
  ;;
mqtt | nats | node-red)
  [[ -n $folder ]] || { echo "usage: scripts/npm.sh $what FOLDER" >&2 && exit 2; }
  tree
  exit
  ;;
esac
if [[ -z ${package:-} || -z $folder ]]; then
  echo "usage: scripts/npm.sh opencv-js|axe|asyncapi|mqtt|nats|node-red FOLDER" >&2
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
