package json

import "golang.org/x/sys/cpu"

func hasVectors() bool {
	return cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI2 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT
}

// findQuotes writes to at, for each of n records, the places of its quotes and then its
// length, and returns how many records came before the first that has not so many quotes,
// or a backslash, a control character or a byte that is not ASCII, or 32 KB, or none. at
// has room for 32 places more.
//
//go:noescape
func findQuotes(records *[]byte, n, quotes int, at *uint16) int

// placeValues writes to spans where a value lies in each of n records, of which at has width
// places each, and returns how many came before the first that has another text before it.
//
//go:noescape
func placeValues(records *[]byte, n int, at *uint16, width int, p *placing, spans *span) int
