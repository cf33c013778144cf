package object

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// charsetOf reads the key as a declaration has it.
func charsetOf(t *testing.T, name string) *Charset {
	t.Helper()
	rel := &catalog.Relation{Name: "x", Options: catalog.Options{{Key: "encoding", Value: name}}}
	v, err := stream.ReadOptions(rel, stream.RoleSource, []stream.Option{{Key: "encoding"}})
	if err != nil {
		t.Fatal(err)
	}
	c := ReadCharset(v)
	if err := v.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCharsets reads text in each encoding as x/text writes it, in pieces of any size.
func TestCharsets(t *testing.T) {
	const wide = "id,name\r\n1,Köln \U0001F600 € \u4e2d\n"
	for name, c := range map[string]struct {
		of   encoding.Encoding
		text string
	}{
		"latin1": {charmap.ISO8859_1, "Köln ÿ"}, "ISO-8859-1": {charmap.ISO8859_1, "é"}, "latin9": {charmap.ISO8859_15, "10 €"},
		"windows-1252": {charmap.Windows1252, "„10 €“ œ"}, "WIN1251": {charmap.Windows1251, "Привет"}, "koi8-r": {charmap.KOI8R, "Привет"},
		"cp850": {charmap.CodePage850, "Übung"}, "macintosh": {charmap.Macintosh, "Übung"}, "iso_8859_7": {charmap.ISO8859_7, "Αθήνα"},
		"utf-16":   {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), wide},
		"UTF_16":   {unicode.UTF16(unicode.BigEndian, unicode.UseBOM), wide},
		"utf-16le": {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), wide},
		"utf-16be": {unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), wide},
	} {
		for _, text := range []string{c.text, strings.Repeat(c.text, 5000)} {
			raw, err := c.of.NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for kind, from := range map[string]io.Reader{"whole": bytes.NewReader(raw), "by bytes": iotest.OneByteReader(bytes.NewReader(raw)), "with EOF": iotest.DataErrReader(bytes.NewReader(raw))} {
				if got := string(charsetOf(t, name).Append([]byte("x"), raw)); got != "x"+text {
					t.Errorf("%s, as a record: %.60q, want %.60q", name, got, text)
				}
				got, err := io.ReadAll(charsetOf(t, name).Reader(io.NopCloser(from)))
				if err != nil || strings.TrimPrefix(string(got), "\ufeff") != text {
					t.Errorf("%s, %s: %.60q, %v, want %.60q", name, kind, got, err, text)
				}
			}
		}
	}
}

// TestNoCharacter: what stands for no character makes its record a bad one.
func TestNoCharacter(t *testing.T) {
	for name, raw := range map[string]string{
		"windows-1252": "a\x81b", "utf-16le": "a\x00\x00\xd8b\x00", "utf-16be": "\xdc\x00\x00b", "utf-16": "\xff\xfea\x00b", "iso-8859-7": "\xff",
	} {
		got, err := io.ReadAll(charsetOf(t, name).Reader(io.NopCloser(iotest.OneByteReader(strings.NewReader(raw)))))
		if record := charsetOf(t, name).Append(nil, []byte(raw)); utf8.Valid(record) || bytes.Count(record, []byte{noCharacter}) != 1 {
			t.Errorf("%s, as a record: %q", name, record)
		}
		if err != nil || utf8.Valid(got) || bytes.Count(got, []byte{noCharacter}) != 1 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := io.ReadAll(charsetOf(t, "utf-16").Reader(io.NopCloser(strings.NewReader("\xff")))); err != nil || string(got) != "\xff" {
		t.Errorf("half a character: %q, %v", got, err)
	}
}
