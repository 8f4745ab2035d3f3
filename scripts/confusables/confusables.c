/* Writes the table of configs/text/lookalike from the data of ICU (UTS #39, confusables.txt): see confusables.sh. */
#include <stdio.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>

int main(void) {
  UErrorCode e = U_ZERO_ERROR;
  USpoofChecker *spoof = uspoof_open(&e);
  const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&e);
  for (UChar32 r = 0x21; r <= 0x10ffff; r++) {
    UChar in[2], like[64], to[256];
    int32_t n = 0;
    if (!u_isdefined(r) || u_charType(r) == U_SURROGATE) continue;
    U16_APPEND_UNSAFE(in, n, r);
    if (!unorm2_isNormalized(nfkd, in, n, &e)) continue; /* what decomposes is looked up by its parts */
    int32_t m = unorm2_normalize(nfkd, like, uspoof_getSkeleton(spoof, 0, in, n, like, 64, &e), to, 256, &e);
    if (m == n && u_memcmp(in, to, n) == 0) continue;
    UChar32 first;
    U16_GET(to, 0, 0, m, first);
    /* Two ideographs are two characters to who reads them, however little they differ. */
    if (u_hasBinaryProperty(r, UCHAR_UNIFIED_IDEOGRAPH) && u_hasBinaryProperty(first, UCHAR_UNIFIED_IDEOGRAPH)) continue;
    printf("\t{0x%X, \"", r);
    for (int32_t i = 0; i < m;) {
      UChar32 c;
      U16_NEXT(to, i, m, c);
      printf(c > 0xffff ? "\\U%08X" : "\\u%04X", c);
    }
    printf("\"},\n");
  }
  if (U_FAILURE(e)) fprintf(stderr, "%s\n", u_errorName(e));
  return U_FAILURE(e);
}
