package charset

import (
	"errors"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// TestDecodeInPieces gives texts byte by byte: what has come whole is decoded, and what
// the end cuts short is an error. PostgreSQL's tables are held to in compat-tests/slt.
func TestDecodeInPieces(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"latin1", "a\xe9b", "aéb"},
		{"Shift_JIS", "\x93\xfa\xb1\x83\\", "日ｱソ"},
		{"EUC-JP", "\x8e\xb1\x8f\xb0\xa1\xc6\xfc", "ｱ丂日"},
		{"GB18030", "\x94\x32\xbe\x34\xc4\xe3", "𝄞你"},
	} {
		set := Find(c.name)
		var out, held []byte
		for i := range len(c.text) {
			held = append(held, c.text[i])
			var n int
			var err error
			if out, n, err = set.Decode(out, held, false); err != nil {
				t.Fatalf("%s %q: %v", c.name, c.text, err)
			}
			held = held[n:]
		}
		if string(out) != c.want || len(held) > 0 {
			t.Errorf("%s %q = %q and %q left, want %q", c.name, c.text, out, held, c.want)
		}
		if back, err := set.Encode(nil, out); err != nil || string(back) != c.text {
			t.Errorf("%s %q back = %q, %v, want %q", c.name, c.want, back, err, c.text)
		}
	}
	out, n, err := Find("sjis").Decode(nil, []byte("a\x93"), true)
	var e *sqlerr.Error
	if !errors.As(err, &e) || e.Code != sqlerr.CharacterNotInRepertoire || string(out) != "a" || n != 1 {
		t.Errorf("a text cut short = %q, %d, %v; want a, 1 and %s", out, n, err, sqlerr.CharacterNotInRepertoire)
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"utf8": "UTF8", "UTF-8": "UTF8", "iso_8859-15": "LATIN9", "Windows-1252": "WIN1252", "KOI8": "KOI8R", "big5": "BIG5", "sql_ascii": "SQL_ASCII",
	} {
		if c := Find(name); c == nil || c.Name != want {
			t.Errorf("Find(%q) = %v, want %s", name, c, want)
		}
	}
	if c := Find("latin11"); c != nil {
		t.Errorf("Find of a name that is none = %s", c.Name)
	}
	if Find("big5").Converts() || !Find("SJIS").Converts() || !Find("SQL_ASCII").Plain() {
		t.Error("BIG5 converts, SJIS does not, or SQL_ASCII is not plain")
	}
}
