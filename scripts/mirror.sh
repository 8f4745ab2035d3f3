# Where a distribution comes from; to be sourced.

# mirror prints where the packages of a distribution come from, Debian or Ubuntu: from where DEBIAN_MIRROR or UBUNTU_MIRROR says, and
# otherwise from where apt is set to get them. It prints nothing if that is nowhere.
mirror() {
  local named=${1^^}_MIRROR
  if [[ -n ${!named:-} ]]; then
    printf '%s\n' "${!named}"
  else
    apt-get indextargets --format '$(REPO_URI)' "Origin: $1" "Label: $1" 'Component: main' 'Identifier: Packages' | sed -n 1p
  fi
}
