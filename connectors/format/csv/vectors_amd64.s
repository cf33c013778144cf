#include "textflag.h"

// 16 zeros, 16 times 255, 16 zeros: a mask of the last n bytes begins at n, one of the
// first n at 32-n.
DATA masks<>+0(SB)/8, $0
DATA masks<>+8(SB)/8, $0
DATA masks<>+16(SB)/8, $-1
DATA masks<>+24(SB)/8, $-1
DATA masks<>+32(SB)/8, $0
DATA masks<>+40(SB)/8, $0
GLOBL masks<>(SB), RODATA|NOPTR, $48

DATA zeros<>+0(SB)/8, $0x3030303030303030
DATA zeros<>+8(SB)/8, $0x3030303030303030
GLOBL zeros<>(SB), RODATA|NOPTR, $16

DATA nines<>+0(SB)/8, $0x0909090909090909
DATA nines<>+8(SB)/8, $0x0909090909090909
GLOBL nines<>(SB), RODATA|NOPTR, $16

// Ten and one, in bytes; a hundred and one, in words; ten thousand and one.
DATA tens<>+0(SB)/8, $0x010a010a010a010a
DATA tens<>+8(SB)/8, $0x010a010a010a010a
GLOBL tens<>(SB), RODATA|NOPTR, $16

DATA hundreds<>+0(SB)/8, $0x0001006400010064
DATA hundreds<>+8(SB)/8, $0x0001006400010064
GLOBL hundreds<>(SB), RODATA|NOPTR, $16

DATA myriads<>+0(SB)/8, $0x0001271000012710
DATA myriads<>+8(SB)/8, $0x0001271000012710
GLOBL myriads<>(SB), RODATA|NOPTR, $16

// 00:00:00.0000000, and how much more its bytes may be.
DATA midnight<>+0(SB)/8, $0x30303a30303a3030
DATA midnight<>+8(SB)/8, $0x303030303030302e
GLOBL midnight<>(SB), RODATA|NOPTR, $16

DATA latest<>+0(SB)/8, $0x0905000905000902
DATA latest<>+8(SB)/8, $0x0009090909090900
GLOBL latest<>(SB), RODATA|NOPTR, $16

// From that hh, mm, ss, nothing, ff, ff, ff, nothing.
DATA pairs<>+0(SB)/8, $0xffff070604030100
DATA pairs<>+8(SB)/8, $0xffff0e0d0c0b0a09
GLOBL pairs<>(SB), RODATA|NOPTR, $16

// What their units are: seconds of an hour, a minute and a second; microseconds.
DATA units<>+0(SB)/8, $0x00000001003c0e10
DATA units<>+8(SB)/8, $0x0000000100642710
GLOBL units<>(SB), RODATA|NOPTR, $16

// MARK writes where the lowest bit of DX is and clears that.
#define MARK(k) \
	TZCNTQ DX, BX       \
	ADDL   R10, BX      \
	MOVL   BX, (k*4)(R13) \
	BLSRQ  DX, DX

// func findMarks(b *byte, blocks int, delimiter, quote uint64, base int, at *int32, want int, f *found)
TEXT ·findMarks(SB), NOSPLIT, $0-64
	MOVQ         b+0(FP), SI
	MOVQ         blocks+8(FP), CX
	VPBROADCASTQ delimiter+16(FP), Y0
	VPBROADCASTQ quote+24(FP), Y1
	MOVQ         $0x0a0a0a0a0a0a0a0a, AX
	VMOVQ        AX, X2
	VPBROADCASTQ X2, Y2
	VPXOR        Y3, Y3, Y3  // NULs
	VPXOR        Y4, Y4, Y4  // all bytes, one over the other
	MOVQ         base+32(FP), R10
	MOVQ         at+40(FP), DI
	MOVQ         want+48(FP), R8
	LEAQ         (DI)(R8*4), R8
	XORL         R9, R9      // line breaks
	XORL         R11, R11    // whether there is a quote or NUL

search:
	VMOVDQU   (SI), Y5
	VMOVDQU   32(SI), Y6
	VPOR      Y5, Y4, Y4
	VPOR      Y6, Y4, Y4
	VPCMPEQB  Y5, Y2, Y7
	VPCMPEQB  Y6, Y2, Y8
	VPCMPEQB  Y5, Y0, Y9
	VPCMPEQB  Y6, Y0, Y10
	VPOR      Y7, Y9, Y9
	VPOR      Y8, Y10, Y10
	VPCMPEQB  Y5, Y1, Y11
	VPCMPEQB  Y6, Y1, Y12
	VPCMPEQB  Y5, Y3, Y13
	VPCMPEQB  Y6, Y3, Y14
	VPOR      Y11, Y13, Y11
	VPOR      Y12, Y14, Y12
	VPMOVMSKB Y7, AX
	VPMOVMSKB Y8, BX
	SHLQ      $32, BX
	ORQ       BX, AX         // line breaks of the block, a bit a byte
	VPMOVMSKB Y9, DX
	VPMOVMSKB Y10, BX
	SHLQ      $32, BX
	ORQ       BX, DX         // ends of fields
	VPOR      Y11, Y12, Y13
	VPTEST    Y13, Y13
	JNZ       behind

write:
	POPCNTQ AX, AX
	ADDQ    AX, R9
	POPCNTQ DX, R12
	MOVQ    DI, R13

	// Eight at a time, of which those that are too many are written over later.
eight:
	MARK(0)
	MARK(1)
	MARK(2)
	MARK(3)
	MARK(4)
	MARK(5)
	MARK(6)
	MARK(7)
	ADDQ  $32, R13
	TESTQ DX, DX
	JNZ   eight
	LEAQ  (DI)(R12*4), DI
	ADDQ  $64, SI
	ADDL  $64, R10
	DECQ  CX
	JZ    done
	CMPQ  DI, R8
	JLO   search

done:
	MOVQ      f+56(FP), BX
	SUBQ      at+40(FP), DI
	SHRQ      $2, DI
	MOVQ      DI, 0(BX)
	MOVQ      R9, 8(BX)
	VPMOVMSKB Y4, AX
	MOVQ      AX, 16(BX)
	MOVQ      R11, 24(BX)
	VZEROUPPER
	RET

	// What is before the first quote or NUL of this block is the last.
behind:
	VPMOVMSKB Y11, R12
	VPMOVMSKB Y12, BX
	SHLQ      $32, BX
	ORQ       R12, BX
	LEAQ      -1(BX), R12
	ANDNQ     R12, BX, BX    // the bits below the lowest
	ANDQ      BX, DX
	ANDQ      BX, AX
	MOVL      $1, R11
	MOVL      $1, CX
	JMP       write

// func readNumbers(b *byte, at *int32, width, rows int, out *int64, l *layout, limit int64) int
TEXT ·readNumbers(SB), NOSPLIT, $0-64
	MOVQ    b+0(FP), SI
	MOVQ    at+8(FP), DI
	MOVQ    width+16(FP), R8
	SHLQ    $2, R8
	MOVQ    rows+24(FP), CX
	MOVQ    out+32(FP), R9
	MOVQ    l+40(FP), R10
	MOVQ    limit+48(FP), R11
	VMOVDQU zeros<>(SB), X0
	VMOVDQU (R10), X1
	VMOVDQU nines<>(SB), X2
	VMOVDQU tens<>(SB), X3
	VMOVDQU hundreds<>(SB), X4
	VMOVDQU myriads<>(SB), X5

number:
	MOVLQSX (DI), AX
	MOVLQSX 4(DI), BX
	INCQ    AX
	CMPQ    BX, $16
	JLT     end                     // there are not 16 bytes before its end

	XORL    R12, R12
	CMPB    (SI)(AX*1), $0x2d
	SETEQ   R12
	ADDQ    R12, AX                 // behind the sign
	MOVQ    BX, DX
	SUBQ    AX, DX
	MOVQ    DX, R13
	SUBQ    16(R10), R13
	CMPQ    R13, 24(R10)
	JHI     end

	MOVQ    32(R10), AX
	TESTQ   AX, AX
	JZ      digits
	NEGQ    AX
	ADDQ    BX, AX
	CMPB    (SI)(AX*1), $0x2e
	JNE     end

digits:
	VPXOR      -16(SI)(BX*1), X0, X6
	LEAQ       masks<>(SB), R13
	VPAND      (R13)(DX*1), X6, X6  // what is before the number
	VPSHUFB    X1, X6, X6           // and the point go
	VPSUBUSB   X2, X6, X7
	VPTEST     X7, X7
	JNZ        end
	VPMADDUBSW X3, X6, X6           // two digits each
	VPMADDWD   X4, X6, X6           // four
	VPACKUSDW  X6, X6, X6
	VPMADDWD   X5, X6, X6           // eight
	VMOVQ      X6, AX
	MOVL       AX, DX
	SHRQ       $32, AX
	IMULQ      $100000000, DX
	ADDQ       DX, AX
	CMPQ       AX, R11
	JGE        end
	NEGQ       R12
	XORQ       R12, AX
	SUBQ       R12, AX
	MOVQ       AX, (R9)
	ADDQ       $8, R9
	ADDQ       R8, DI
	DECQ       CX
	JNZ        number

end:
	MOVQ rows+24(FP), AX
	SUBQ CX, AX
	MOVQ AX, ret+56(FP)
	RET

// func readTimes(b *byte, at *int32, width, rows int, out *int64, k *clock, last int) int
TEXT ·readTimes(SB), NOSPLIT, $0-64
	MOVQ    b+0(FP), SI
	MOVQ    at+8(FP), DI
	MOVQ    width+16(FP), R8
	SHLQ    $2, R8
	MOVQ    rows+24(FP), CX
	MOVQ    out+32(FP), R9
	MOVQ    k+40(FP), R10
	MOVQ    last+48(FP), R11
	VMOVDQU midnight<>(SB), X0
	VMOVDQU latest<>(SB), X1
	VMOVDQU pairs<>(SB), X2
	VMOVDQU tens<>(SB), X3
	VMOVDQU units<>(SB), X4

time:
	MOVLQSX (DI), AX
	MOVLQSX 4(DI), BX
	INCQ    AX
	CMPQ    AX, R11
	JGT     end                     // there are not 30 bytes from it on

	SUBQ 16(R10), BX                // where the zone begins
	MOVQ BX, R12
	SUBQ AX, R12
	SUBQ $19, R12                   // the bytes of a fraction, its point counted
	CMPQ R12, $7
	JHI  end
	CMPQ R12, $1
	JEQ  end

	MOVQ (SI)(AX*1), DX
	CMPQ DX, (R10)
	JNE  end
	MOVL 8(SI)(AX*1), DX
	ANDL $0xffffff, DX
	CMPL DX, 8(R10)
	JNE  end
	MOVL (SI)(BX*1), DX
	ANDL 24(R10), DX
	CMPL DX, 12(R10)
	JNE  end

	VPXOR      11(SI)(AX*1), X0, X6
	LEAQ       masks<>+24(SB), R13
	SUBQ       R12, R13
	VPAND      (R13), X6, X6        // of eight bytes and the fraction
	VPSUBUSB   X1, X6, X7
	VPTEST     X7, X7
	JNZ        end
	VPSHUFB    X2, X6, X6
	VPMADDUBSW X3, X6, X6           // two digits each
	VPMADDWD   X4, X6, X6
	VPHADDD    X6, X6, X6           // seconds, microseconds
	VMOVQ      X6, AX
	MOVL       AX, DX
	CMPL       DX, $86400
	JHS        end
	SHRQ       $32, AX
	IMULQ      $1000000, DX
	ADDQ       DX, AX
	ADDQ       32(R10), AX
	MOVQ       AX, (R9)
	ADDQ       $8, R9
	ADDQ       R8, DI
	DECQ       CX
	JNZ        time

end:
	MOVQ rows+24(FP), AX
	SUBQ CX, AX
	MOVQ AX, ret+56(FP)
	RET
