#include "textflag.h"

// The numbers from 0 to 63, in bytes.
DATA places<>+0(SB)/8, $0x0706050403020100
DATA places<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA places<>+16(SB)/8, $0x1716151413121110
DATA places<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA places<>+32(SB)/8, $0x2726252423222120
DATA places<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA places<>+48(SB)/8, $0x3736353433323130
DATA places<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL places<>(SB), RODATA|NOPTR, $64

// func findQuotes(records *[]byte, n, quotes int, at *uint16) int
TEXT ·findQuotes(SB), NOSPLIT, $0-40
	MOVQ         records+0(FP), SI
	MOVQ         n+8(FP), CX
	MOVQ         quotes+16(FP), DX
	MOVQ         at+24(FP), DI
	MOVL         $0x22, AX
	VPBROADCASTB AX, Z0      // quotes
	MOVL         $0x5c, AX
	VPBROADCASTB AX, Z1      // backslashes
	MOVL         $0x20, AX
	VPBROADCASTB AX, Z2      // the first that is no control character
	VMOVDQU64    places<>(SB), Z3
	MOVL         $64, AX
	VPBROADCASTW AX, Z4

record:
	MOVQ   0(SI), R8
	MOVQ   8(SI), R9
	MOVQ   R9, R12
	LEAQ   -1(R9), AX
	CMPQ   AX, $0x7fff
	JHS    end               // it is empty, or longer than places go
	MOVQ   DI, R10
	LEAQ   (DI)(DX*2), R11   // where its places end
	VPXORQ Z5, Z5, Z5        // where the block begins

block:
	MOVQ  $-1, AX
	CMPQ  R9, $64
	JHS   load
	BZHIQ R9, AX, AX         // nothing is read behind the record

load:
	KMOVQ         AX, K1
	VMOVDQU8.Z    (R8), K1, Z6
	VPCMPEQB      Z0, Z6, K2
	VPCMPEQB      Z1, Z6, K3
	VPCMPUB       $1, Z2, Z6, K1, K4
	VPMOVB2M      Z6, K5
	KORQ          K3, K4, K3
	KORQ          K5, K3, K3
	KORTESTQ      K3, K3
	JNZ           end
	KMOVQ         K2, AX
	POPCNTQ       AX, AX
	CMPQ          AX, $32
	JHI           end
	VPCOMPRESSB.Z Z3, K2, Z7
	VPMOVZXBW     Y7, Z7
	VPADDW        Z5, Z7, Z7
	VMOVDQU64     Z7, (R10)  // what is too many is written over later
	LEAQ          (R10)(AX*2), R10
	CMPQ          R10, R11
	JHI           end
	VPADDW        Z4, Z5, Z5
	ADDQ          $64, R8
	SUBQ          $64, R9
	JHI           block

	CMPQ R10, R11
	JNE  end
	MOVW R12, (R10)
	LEAQ 2(R10), DI
	ADDQ $24, SI
	DECQ CX
	JNZ  record

end:
	MOVQ n+8(FP), AX
	SUBQ CX, AX
	MOVQ AX, ret+32(FP)
	VZEROUPPER
	RET

// func placeValues(records *[]byte, n int, at *uint16, width int, p *placing, spans *span) int
TEXT ·placeValues(SB), NOSPLIT, $0-56
	MOVQ records+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ at+16(FP), DI
	MOVQ p+32(FP), R8
	MOVQ spans+40(FP), R9
	MOVQ 72(R8), R12
	MOVQ 80(R8), R13

value:
	MOVQ    0(R8), R10
	MOVQ    8(R8), R11
	MOVWQZX (DI)(R10*2), BX
	MOVWQZX (DI)(R11*2), DX
	MOVQ    16(R8), R10
	ADDQ    24(R8), BX          // where it begins
	SUBQ    32(R8), DX          // and ends
	MOVWQZX (DI)(R10*2), R11
	MOVQ    BX, AX
	SUBQ    40(R8), AX          // where the text before it begins
	ANDQ    48(R8), R11
	ADDQ    56(R8), R11
	MOVQ    64(R8), R10
	ANDQ    AX, R10
	CMPQ    R10, R11
	JNE     end
	CMPQ    BX, DX
	JGT     end
	MOVQ    (SI), R10
	CMPQ    R12, (R10)(AX*1)
	JNE     end
	CMPQ    R13, -8(R10)(BX*1)
	JNE     end
	MOVL    BX, (R9)
	MOVL    DX, 4(R9)
	MOVQ    width+24(FP), AX
	LEAQ    (DI)(AX*2), DI
	ADDQ    $24, SI
	ADDQ    $8, R9
	DECQ    CX
	JNZ     value

end:
	MOVQ n+8(FP), AX
	SUBQ CX, AX
	MOVQ AX, ret+48(FP)
	RET
