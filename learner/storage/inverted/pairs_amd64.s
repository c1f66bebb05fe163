#include "textflag.h"

// func addPairs(dots, a, b, c, d *float64, pairs int, x, y, z, w float64)
TEXT ·addPairs(SB), NOSPLIT, $0-80
	MOVQ dots+0(FP), DI
	MOVQ a+8(FP), R8
	MOVQ b+16(FP), R9
	MOVQ c+24(FP), R10
	MOVQ d+32(FP), R11
	MOVQ pairs+40(FP), CX
	MOVSD x+48(FP), X0
	MOVSD y+56(FP), X1
	MOVSD z+64(FP), X2
	MOVSD w+72(FP), X3
	UNPCKLPD X0, X0 // both halves are the value
	UNPCKLPD X1, X1
	UNPCKLPD X2, X2
	UNPCKLPD X3, X3
	XORQ AX, AX
	TESTQ CX, CX
	JLE done

next:
	MOVUPD (DI)(AX*1), X4
	MOVUPD (R8)(AX*1), X5
	MOVUPD (R9)(AX*1), X6
	MOVUPD (R10)(AX*1), X7
	MOVUPD (R11)(AX*1), X8
	MULPD X0, X5
	MULPD X1, X6
	MULPD X2, X7
	MULPD X3, X8
	ADDPD X5, X4
	ADDPD X6, X4
	ADDPD X7, X4
	ADDPD X8, X4
	MOVUPD X4, (DI)(AX*1)
	ADDQ $16, AX
	DECQ CX
	JNZ next

done:
	RET
