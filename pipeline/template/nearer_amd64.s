#include "textflag.h"

// How many bits each number of four bits has, for either half of a register.
DATA counts<>+0(SB)/8, $0x0302020102010100
DATA counts<>+8(SB)/8, $0x0403030203020201
GLOBL counts<>(SB), RODATA|NOPTR, $16

DATA low<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL low<>(SB), RODATA|NOPTR, $8

// COUNT replaces each byte of v by its number of bits. Y4 is the table, Y5 what the lower half of a byte is, t is free.
#define COUNT(v, t) \
	VPAND   v, Y5, t  \
	VPSRLW  $4, v, v  \
	VPAND   v, Y5, v  \
	VPSHUFB t, Y4, t  \
	VPSHUFB v, Y4, v  \
	VPADDB  t, v, v

// func nearerAVX2(probe *Code, codes []Code, limit int) int
TEXT ·nearerAVX2(SB), NOSPLIT, $0-48
	MOVQ probe+0(FP), AX
	MOVQ codes_base+8(FP), SI
	MOVQ codes_len+16(FP), CX
	MOVQ limit+32(FP), DX
	VMOVDQU 0(AX), Y0
	VMOVDQU 32(AX), Y1
	VMOVDQU 64(AX), Y2
	VMOVDQU 96(AX), Y3
	VBROADCASTI128 counts<>(SB), Y4
	VPBROADCASTQ low<>(SB), Y5
	VPXOR Y6, Y6, Y6
	XORQ BX, BX
	JMP  more

next:
	VPXOR 0(SI), Y0, Y7
	VPXOR 32(SI), Y1, Y8
	VPXOR 64(SI), Y2, Y9
	VPXOR 96(SI), Y3, Y10
	COUNT(Y7, Y11)
	COUNT(Y8, Y12)
	COUNT(Y9, Y13)
	COUNT(Y10, Y14)
	VPADDB  Y7, Y8, Y7
	VPADDB  Y9, Y10, Y9
	VPADDB  Y7, Y9, Y7 // 32 at most
	VPSADBW Y6, Y7, Y7 // the sum of each 8 bytes
	VEXTRACTI128 $1, Y7, X8
	VPADDQ  X7, X8, X7
	VPSHUFD $0x4e, X7, X8
	VPADDQ  X7, X8, X7
	VMOVQ   X7, AX
	CMPQ AX, DX
	JLT  found
	ADDQ $128, SI
	INCQ BX

more:
	CMPQ BX, CX
	JLT  next

found:
	VZEROUPPER
	MOVQ BX, ret+40(FP)
	RET
