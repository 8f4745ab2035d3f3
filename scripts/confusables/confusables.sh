#!/usr/bin/env bash
#
# Makes configs/text/lookalike/table.go anew, from the data that Debian's libicu-dev has: Unicode's confusables.txt, which is
# for ICU to read only once it is compiled.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc confusables.c -o "$work/confusables" $(pkg-config --cflags --libs icu-i18n icu-uc)
{
  printf '// Made by scripts/confusables/confusables.sh from ICU %s. DO NOT EDIT.\n\n' "$(pkg-config --modversion icu-i18n)"
  printf 'package lookalike\n\n'
  printf '// table says what a character looks like, in the order of the characters (UTS #39, confusables.txt; Unicode licence).\n'
  printf 'var table = [...]entry{\n'
  "$work/confusables"
  printf '}\n'
} > ../../configs/text/lookalike/table.go
