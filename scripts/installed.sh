#!/usr/bin/env bash
#
# Runs tests as on a machine with an installed gate, and fails if one of them touches what that gate or its package owns,
# writes anywhere but to a temporary folder, or takes a port that it was not given: no test may depend on what the machine
# has, nor change it.
#
#   installed.sh [FLAGS AND PACKAGES OF GO TEST]   without arguments every package
#
# 1. Over /etc, /var/lib and /run, in mounts that no other process sees, the folders of a gate are laid: of another user,
#    with no permission for anybody. A gate that this machine really has is below them, out of reach.
# 2. strace watches each test binary and all that it starts. A touch of the folders fails the run whatever came of it: many
#    a program goes on without a file that it was refused, and root is refused none.
set -euo pipefail

folders=(/etc/facegate /var/lib/facegate /var/lib/facegate-keys /var/lib/facegate-package /run/facegate)
units=({/etc,/run,/usr/local/lib,/usr/lib,/lib}/systemd/system/facegate{,-update}.service{,.d})
# What else the package puts on a machine, or leaves when it is purged. At the end of a name * stands for any rest.
package=(/usr/bin/facegate /usr/{lib,share,share/doc}/facegate /usr/lib/{sysusers,tmpfiles}.d/facegate.conf
  {/etc,/usr/lib,/lib}/udev/rules.d/99-zz-facegate.rules /etc/update-motd.d/60-facegate /usr/share/man/man1/facegate.1.gz
  /usr/share/lintian/overrides/facegate /usr/share/bash-completion/completions/facegate
  /usr/share/zsh/vendor-completions/_facegate /usr/share/fish/vendor_completions.d/facegate.fish
  '/var/lib/dpkg/info/facegate.*' '/var/backups/facegate-wiped-*')

self=$(realpath "${BASH_SOURCE[0]}")

say() { printf 'facegate: installed: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# lay covers the folders of a gate. It needs mounts of this process alone.
lay() {
  local under=$1 folder place
  mkdir "$under"
  mount -t tmpfs tmpfs "$under"
  for folder in "${folders[@]}"; do
    place=$under$(dirname "$folder")
    mkdir -p "$place/work" "$place/upper/${folder##*/}"
    echo "of a gate" >"$place/upper/${folder##*/}/file"
    chmod 000 "$place/upper/${folder##*/}"
    # Fails where this user is root in a namespace of their own, which has no other user.
    chown 65534:65534 "$place/upper/${folder##*/}" 2>/dev/null || true
  done
  for place in /etc /var/lib /run; do
    mount -t overlay overlay -o "lowerdir=$place,upperdir=$under$place/upper,workdir=$under$place/work" "$place"
  done
}

# watch runs a command, and writes to a file each call by which it, or what it starts, names a file or a socket. With -y
# strace tells the folder in which a relative name begins.
watch() {
  local calls=$1
  shift
  strace -f --seccomp-bpf -y -qq -e trace=%file,bind,connect -e signal=none -o "$calls" "$@"
}

# judge prints those of the calls in some files that no test may make. Its first argument is where one may write.
judge() {
  awk -v gate="$(printf '%s|' "${folders[@]}" "${units[@]}" "${package[@]}")" -v ours="$1" '
    function within(path, places,   n, i, list) {
      n = split(places, list, "|")
      for (i = 1; i <= n; i++)
        if (list[i] != "" && (path == list[i] || index(path, list[i] "/") == 1 ||
          (list[i] ~ /\*$/ && index(path, substr(list[i], 1, length(list[i]) - 1)) == 1))) return 1
      return 0
    }
    function look(call,   rest, word, base, path, touched, outside, changes) {
      changes = call ~ /^(creat|mkdir|unlink|rmdir|rename|link|symlink|f?chmod|f?chown|lchown|truncate|mknod|bind)[a-z0-9]*\(/ ||
        call ~ /^open[a-z0-9]*\(.*O_(WRONLY|RDWR|CREAT|TRUNC)/
      if (call ~ / = -1 E/) changes = 0
      if (call ~ /^bind\(.*sa_family=AF_INET/) {
        if (changes && call !~ /port=htons\(0\)/) print "takes a port of its own choice: " call
        return
      }
      rest = call
      sub(/\) += .*/, "", rest) # what it returns
      if (call ~ /^symlink/) sub(/"[^"]*"/, "", rest) # what the link says is text
      while (match(rest, /<[^>"]*>|"[^"]*"/)) {
        word = substr(rest, RSTART + 1, RLENGTH - 2)
        if (substr(rest, RSTART, 1) == "<") base = word
        else {
          path = word ~ /^\// ? word : base "/" word
          if (within(path, gate)) touched = 1
          if (changes && word ~ /[\/a-zA-Z0-9]/ && !within(path, ours)) outside = 1
        }
        rest = substr(rest, RSTART + RLENGTH)
      }
      if (touched) print "touches the installed gate: " call
      else if (outside) print "writes elsewhere: " call
    }
    {
      pid = $1
      sub(/^[0-9]+ +/, "")
      if (sub(/ <unfinished \.\.\.>$/, "")) { begun[pid] = $0; next }
      if (sub(/^<\.\.\. [a-z0-9]+ resumed>/, "")) $0 = begun[pid] $0
      look($0)
    }' "${@:2}"
}

# inside runs go test with the flags and packages that follow, within the mounts.
inside() {
  local scratch=$1 failed=no
  shift
  lay "$scratch/under"
  export TMPDIR=$scratch/tmp
  chmod 755 "$scratch" # some tests have a program run as another user
  mkdir -m 1777 "$TMPDIR"
  mkdir "$scratch/probe" "$scratch/calls"
  watch "$scratch/probe/1" stat "${folders[0]}/file" >/dev/null 2>&1 || true
  [[ -n $(judge "" "$scratch/probe/1") ]] || die "strace does not show who touches the folders"
  go test -count=1 -exec "$self --watch $scratch/calls" "$@" || failed=yes
  [[ -n $(ls "$scratch/calls") ]] || die "no test has run"
  judge "$TMPDIR|/dev|/proc|$(go env GOCACHE)|$(go env GOMODCACHE)|$(go env GOTELEMETRYDIR)" "$scratch"/calls/* |
    sort -u >"$scratch/faults"
  umount -l "$scratch/under" # the files of the overlays stay until they end with this process
  if [[ -s $scratch/faults ]]; then
    head -n 50 "$scratch/faults" >&2
    die "the tests reach beyond their temporary folders"
  fi
  [[ $failed == no ]]
}

case ${1:-} in
--owned) printf '%s\n' "${folders[@]}" "${units[@]}" "${package[@]}" ;; # what no test may touch
--inside) inside "${@:2}" ;;
--watch) watch "$2/$$" "${@:3}" ;;
*)
  command -v strace >/dev/null || die "strace is missing: scripts/setup.sh test"
  [[ $# -gt 0 ]] || set -- ./...
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  as=()
  [[ $(id -u) -eq 0 ]] || as=(--map-root-user)
  unshare "${as[@]}" --mount --propagation private "$self" --inside "$scratch" "$@"
  say "no test reaches beyond its temporary folders"
  ;;
esac
