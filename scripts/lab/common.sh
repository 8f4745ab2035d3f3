# What the scripts of the lab share; to be sourced at the top of the source tree.

PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

lab=$PWD/.build/lab

say() { printf 'facegate: lab: %s\n' "$*"; }

die() {
  say "$*" >&2
  exit 1
}

# triplet prints what compilers and folders of libraries call an architecture.
triplet() {
  case $1 in
  arm64) echo aarch64-linux-gnu ;;
  amd64) echo x86_64-linux-gnu ;;
  *) die "no board here is $1" ;;
  esac
}
