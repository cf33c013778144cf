package pgcopy

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/charset"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// texts reads rows of one text column, a byte a chunk, up to the end or an error.
func texts(o Options, data string) (out []string, err error) {
	i := 0
	r := NewReader(o, "t", []catalog.Column{{Name: "a", Type: types.Of(types.Text)}}, &types.Format{}, func(context.Context) ([]byte, error) {
		if i == len(data) {
			return nil, io.EOF
		}
		i++
		return []byte(data[i-1 : i]), nil
	})
	for {
		b, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		for row := range b.Len() {
			out = append(out, string(b.Cols[0].(*vec.Bytes).At(row)))
		}
	}
}

func TestEncodings(t *testing.T) {
	for _, c := range []struct {
		encoding, data string
		want           []string
		message, where string
	}{
		{"latin1", "t\xe9\n\xdf", []string{"té", "ß"}, "", ""},
		// The second byte of the second character is a backslash.
		{"SJIS", "\x93\xfa\x96{\n\x83\\\n", []string{"日本", "ソ"}, "", ""},
		{"euc_jp", "a\n\xc6\xfc\n\x8f\xb0\xa1\n\xff\n", []string{"a", "日", "丂"}, `invalid byte sequence for encoding "EUC_JP": 0xff 0x0a`, "COPY t, line 4"},
		{"gb18030", "\x81\x30\x81\x30\n\xc4\xe3", []string{"\u0080", "你"}, "", ""},
		{"win1252", "\x80\n\x81\n", []string{"€"}, `character with byte sequence 0x81 in encoding "WIN1252" has no equivalent in encoding "UTF8"`, "COPY t, line 2"},
		{"sjis", "a\n\x93", []string{"a"}, `invalid byte sequence for encoding "SJIS": 0x93`, "COPY t, line 2"},
	} {
		got, err := texts(Options{Format: "text", Delimiter: '\t', Null: `\N`, Encoding: charset.Find(c.encoding)}, c.data)
		var e *sqlerr.Error
		message, where := "", ""
		if errors.As(err, &e) {
			message, where = e.Message, e.Where
		}
		if !slices.Equal(got, c.want) || message != c.message || where != c.where {
			t.Errorf("%q in %s = %q, %v at %q; want %q, %q at %q", c.data, c.encoding, got, err, where, c.want, c.message, c.where)
		}
	}
}

func TestLineEndsOfTwoKinds(t *testing.T) {
	for _, c := range []struct {
		format, data, message string
	}{
		{"text", "a\nb\r\nc\n", "literal carriage return found in data"},
		{"text", "a\nb\\\r\nc\n", ""},
		{"text", "a\r\nb\n", "literal newline found in data"},
		{"text", "a\r\nb\rc\r\n", "literal carriage return found in data"},
		{"text", "a\rb\n", "literal newline found in data"},
		{"csv", "a\nb\r\nc\n", "unquoted carriage return found in data"},
		{"csv", "a\n\"b\r\"\nc\n", ""},
		{"csv", "a\r\nb\n", "unquoted newline found in data"},
	} {
		null := `\N`
		if c.format == "csv" {
			null = ""
		}
		_, err := texts(Options{Format: c.format, Delimiter: '\t', Quote: '"', Escape: '"', Null: null}, c.data)
		var e *sqlerr.Error
		message := ""
		if errors.As(err, &e) {
			message = e.Message
		} else if err != nil {
			message = "another error"
		}
		if message != c.message {
			t.Errorf("%s %q: %v, want %q", c.format, c.data, err, c.message)
		}
	}
}
