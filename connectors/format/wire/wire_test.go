package wire

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUvarint(t *testing.T) {
	for _, tail := range []string{"", "12345678"} {
		for shift := range 64 {
			for _, v := range []uint64{1 << shift, 1<<shift - 1, 1<<shift | 1} {
				b := append(binary.AppendUvarint(nil, v), tail...)
				if got, i := Uvarint(b, 0); got != v || i != len(b)-len(tail) {
					t.Errorf("Uvarint(% x) = %d, %d; want %d, %d", b, got, i, v, len(b)-len(tail))
				}
				if len(tail) == 0 {
					if _, i := Uvarint(b[:len(b)-1], 0); i >= 0 {
						t.Errorf("Uvarint(% x) ends at %d, want none", b[:len(b)-1], i)
					}
				}
			}
		}
	}
	for _, b := range []string{"", strings.Repeat("\xff", 9) + "\x02", strings.Repeat("\x80", 11)} {
		if v, i := Uvarint([]byte(b), 0); i >= 0 {
			t.Errorf("Uvarint(% x) = %d, %d, want none", b, v, i)
		}
	}
}

func TestPlainText(t *testing.T) {
	for _, s := range []string{"", "a", "abcdefgh", "abcdefghi", "\x00", "abcdefg\x00", "abcdefgh\x00", "é", "abcdefgé", "\xff", "abcdefgh\xc3", "\x01", strings.Repeat("ü", 9)} {
		if got, want := PlainText([]byte(s)), utf8.ValidString(s) && !strings.Contains(s, "\x00"); got != want {
			t.Errorf("PlainText(%q) = %v, want %v", s, got, want)
		}
	}
}
