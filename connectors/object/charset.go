package object

import (
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Charset is how a text's bytes stand for characters, where that is not UTF-8. What
// stands for none becomes a byte that is never part of UTF-8, so that the record which
// it is in is a bad one.
type Charset struct {
	narrow *[256][]byte // a byte's character as UTF-8; nil: units are two bytes wide
	order  byteOrder
}

// byteOrder is that of units of two bytes.
type byteOrder byte

const (
	bigEndian byteOrder = iota
	littleEndian
	marked // as the mark at the beginning says, without one bigEndian
)

// noCharacter is in no UTF-8.
const noCharacter = 0xff

// narrowCharsets are those of one byte a character. A name is one of PostgreSQL's or of
// IANA's, in lower case and without _ and -.
var narrowCharsets = []struct {
	names []string
	of    *charmap.Charmap
}{
	{[]string{"latin1", "iso88591"}, charmap.ISO8859_1}, {[]string{"latin2", "iso88592"}, charmap.ISO8859_2},
	{[]string{"latin5", "iso88599"}, charmap.ISO8859_9}, {[]string{"latin7", "iso885913"}, charmap.ISO8859_13},
	{[]string{"latin9", "iso885915"}, charmap.ISO8859_15}, {[]string{"iso88595"}, charmap.ISO8859_5}, {[]string{"iso88597"}, charmap.ISO8859_7},
	{[]string{"windows1250", "win1250", "cp1250"}, charmap.Windows1250}, {[]string{"windows1251", "win1251", "cp1251"}, charmap.Windows1251},
	{[]string{"windows1252", "win1252", "cp1252"}, charmap.Windows1252}, {[]string{"windows1253", "win1253", "cp1253"}, charmap.Windows1253},
	{[]string{"windows1254", "win1254", "cp1254"}, charmap.Windows1254}, {[]string{"windows1257", "win1257", "cp1257"}, charmap.Windows1257},
	{[]string{"koi8r"}, charmap.KOI8R}, {[]string{"cp437", "ibm437"}, charmap.CodePage437}, {[]string{"cp850", "ibm850"}, charmap.CodePage850},
	{[]string{"macintosh", "macroman"}, charmap.Macintosh},
}

// CharsetNames are what an error of an unknown one lists.
const CharsetNames = "utf-8, utf-16, utf-16le, utf-16be, latin1, latin2, latin5, latin7, latin9, iso-8859-5, iso-8859-7, windows-1250 to windows-1254, windows-1257, koi8-r, cp437, cp850 or macintosh"

// CharsetOption is the key that ReadCharset reads.
var CharsetOption = stream.Option{Key: "encoding", Default: "utf-8", Help: "of json, csv and text: " + CharsetNames + "; of a sink utf-8"}

// ReadCharset reads the key encoding; nil: UTF-8.
func ReadCharset(v *stream.Values) *Charset {
	var c *Charset
	switch name := strings.ReplaceAll(stream.Fold(v.String("encoding")), " ", ""); name {
	case "utf8", "unicode", "ascii", "usascii":
		return nil
	case "utf16":
		c = &Charset{order: marked}
	case "utf16le":
		c = &Charset{order: littleEndian}
	case "utf16be":
		c = &Charset{order: bigEndian}
	default:
		for _, n := range narrowCharsets {
			if slices.Contains(n.names, name) {
				c = &Charset{narrow: narrowTable(n.of)}
			}
		}
	}
	if c == nil {
		v.Reject("encoding", CharsetNames)
	}
	return c
}

func narrowTable(m *charmap.Charmap) *[256][]byte {
	var t [256][]byte
	for b := range t {
		if r := m.DecodeByte(byte(b)); r == utf8.RuneError {
			t[b] = []byte{noCharacter}
		} else {
			t[b] = utf8.AppendRune(nil, r)
		}
	}
	return &t
}

// Append appends a whole text as UTF-8, without the mark of its byte order.
func (c *Charset) Append(dst, text []byte) []byte {
	if c.narrow != nil {
		for _, b := range text {
			dst = append(dst, c.narrow[b]...)
		}
		return dst
	}
	order := c.order
	if len(text) >= 2 && (text[0] == 0xfe && text[1] == 0xff && order != littleEndian || text[0] == 0xff && text[1] == 0xfe && order != bigEndian) {
		if order == marked && text[0] == 0xff {
			order = littleEndian
		}
		text = text[2:]
	}
	dst, read := appendWide(dst, text, order)
	if read < len(text) {
		dst = append(dst, noCharacter)
	}
	return dst
}

// Reader gives what from has as UTF-8. Its bytes are counted after that.
func (c *Charset) Reader(from io.ReadCloser) io.ReadCloser {
	return &transcoder{of: *c, from: from}
}

// transcoder is a file's bytes as UTF-8.
type transcoder struct {
	of   Charset
	from io.ReadCloser
	raw  [4096]byte
	r, w int    // raw[r:w] is to be decoded
	left []byte // decoded, and not yet read
	buf  []byte // of left
}

// Close closes what it reads.
func (t *transcoder) Close() error { return t.from.Close() }

// Read returns io.EOF where the file has no more, and more where it has grown since.
func (t *transcoder) Read(p []byte) (int, error) {
	for len(t.left) == 0 {
		n, err := t.from.Read(t.raw[t.w:])
		t.w += n
		switch {
		case n > 0:
			t.decode()
		case err == io.EOF && t.r < t.w:
			t.r, t.w = 0, 0 // half a character ends the file
			t.left = append(t.buf[:0], noCharacter)
		case err != nil:
			return 0, err
		case len(p) == 0:
			return 0, nil
		}
	}
	n := copy(p, t.left)
	t.left = t.left[n:]
	return n, nil
}

// decode turns raw into left, but for a part of a character at its end.
func (t *transcoder) decode() {
	t.buf = t.buf[:0]
	if t.of.narrow != nil {
		for _, b := range t.raw[t.r:t.w] {
			t.buf = append(t.buf, t.of.narrow[b]...)
		}
		t.r, t.w = 0, 0
	} else {
		t.wide()
	}
	t.left = t.buf
}

func (t *transcoder) wide() {
	if t.of.order == marked && t.w-t.r >= 2 {
		t.of.order = bigEndian
		if t.raw[t.r] == 0xff && t.raw[t.r+1] == 0xfe {
			t.of.order = littleEndian
		}
	}
	n := 0
	t.buf, n = appendWide(t.buf, t.raw[t.r:t.w], t.of.order)
	t.w = copy(t.raw[:], t.raw[t.r+n:t.w])
	t.r = 0
}

// appendWide appends what units of two bytes stand for, and returns how many bytes it took:
// all but a part of a character at their end.
func appendWide(dst, raw []byte, order byteOrder) ([]byte, int) {
	unit := func(i int) rune {
		if order == littleEndian {
			return rune(raw[i]) | rune(raw[i+1])<<8
		}
		return rune(raw[i])<<8 | rune(raw[i+1])
	}
	at := 0
	for len(raw)-at >= 2 {
		u := unit(at)
		if !utf16.IsSurrogate(u) {
			dst = utf8.AppendRune(dst, u)
			at += 2
			continue
		}
		if u < 0xdc00 && len(raw)-at < 4 {
			break // the other half is still to be read
		}
		var pair rune = utf8.RuneError
		if u < 0xdc00 {
			pair = utf16.DecodeRune(u, unit(at+2))
		}
		if pair == utf8.RuneError {
			dst = append(dst, noCharacter)
			at += 2
			continue
		}
		dst = utf8.AppendRune(dst, pair)
		at += 4
	}
	return dst, at
}
