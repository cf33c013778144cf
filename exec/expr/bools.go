package expr

import (
	"encoding/binary"
	"unsafe"
)

// boolBlock is how many booleans are looked at at once: where conditions keep few rows
// most blocks have none, where they keep many none is without, and the branch is foreseen.
const boolBlock = 64

// allTrue is eight booleans that are true.
const allTrue = 0x0101010101010101

// bytesOf are booleans as they lie in memory: a byte each, 0 or 1.
func bytesOf(b []bool) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(b))), len(b))
}

// anyTrue reports whether one of the booleans of a block is true.
func anyTrue(block []byte) bool {
	block = block[:boolBlock]
	var x uint64
	for i := 0; i < boolBlock; i += 8 {
		x |= binary.LittleEndian.Uint64(block[i:])
	}
	return x != 0
}

// contains reports whether one of the booleans is what is wanted.
func contains(b []bool, want bool) bool {
	all := bytesOf(b)
	var not uint64 // that turns what is wanted to 1
	if !want {
		not = allTrue
	}
	for ; len(all) >= boolBlock; all = all[boolBlock:] {
		block := all[:boolBlock]
		var x uint64
		for i := 0; i < boolBlock; i += 8 {
			x |= binary.LittleEndian.Uint64(block[i:]) ^ not
		}
		if x != 0 {
			return true
		}
	}
	for _, x := range all {
		if x == 1 == want {
			return true
		}
	}
	return false
}

// selectDense writes the rows of vals that are true to out, and returns how many.
func selectDense(out []int32, vals []bool) int {
	n, row := 0, 0
	for ; len(vals)-row >= boolBlock; row += boolBlock {
		block := vals[row : row+boolBlock]
		if !anyTrue(bytesOf(block)) {
			continue
		}
		for i, x := range block {
			out[n] = int32(row + i)
			n += bit(x)
		}
	}
	for i, x := range vals[row:] {
		out[n] = int32(row + i)
		n += bit(x)
	}
	return n
}
