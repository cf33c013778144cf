package wire

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/exec/vec"
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

// TestVarint reads numbers of every length, and what ends too soon.
func TestVarint(t *testing.T) {
	for _, tail := range []string{"", "\xff", "\x01", "12345678"} {
		for shift := range 63 {
			for _, v := range []int64{1 << shift, 1<<shift - 1, -1 << shift, -1<<shift - 1, 1<<shift | 1} {
				b := append(binary.AppendVarint([]byte{0x80}, v), tail...)
				end := len(b) - len(tail)
				if got, i := Varint(b, 1); got != v || i != end {
					t.Errorf("Varint(% x) = %d, %d; want %d, %d", b[1:], got, i, v, end)
				}
				if _, i := Varint(b[:end-1], 1); i >= 0 {
					t.Errorf("Varint(% x) ends at %d, want none", b[1:end-1], i)
				}
			}
		}
	}
	for _, from := range []int{-1, 2, 3} {
		if _, i := Varint([]byte{1, 2}, from); i >= 0 {
			t.Errorf("Varint of two bytes from %d on ends at %d, want none", from, i)
		}
	}
}

// TestAppendPlain puts texts of every length before and at the end of a record, plain
// and with a byte that is not, into columns with and without room.
func TestAppendPlain(t *testing.T) {
	for n := range 40 {
		for _, bad := range []string{"", "\x00", "\xff", "\xc3", "é"} {
			for at := 0; at+len(bad) <= n; at++ {
				text := strings.Repeat("a", at) + bad + strings.Repeat("b", n-at-len(bad))
				for _, tail := range []string{"", "\x00\xff2345678901234567"} {
					for _, room := range []int{0, 64} {
						col := &vec.Bytes{Data: make([]byte, 0, room)}
						record := []byte("x" + text + tail)
						plain := utf8.ValidString(text) && !strings.Contains(text, "\x00")
						if got := AppendPlain(col, record, 1, 1+n); got != plain {
							t.Fatalf("AppendPlain(%q) = %v, want %v", text, got, plain)
						}
						if !plain && col.Len() != 0 || plain && (col.Len() != 1 || string(col.At(0)) != text) {
							t.Fatalf("AppendPlain(%q) leaves %d rows, %q", text, col.Len(), col.Data)
						}
					}
				}
				if bad == "" {
					break
				}
			}
		}
	}
}
