package pgcopy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

var columns = []catalog.Column{{Name: "a", Type: types.Of(types.Int4)}, {Name: "b", Type: types.Of(types.Text)}}

// read reads data that comes in chunks of some bytes: its rows, values in <>, then
// the error, if there is one, with its context.
func read(o Options, data string, chunk int) string {
	r := NewReader(o, "t", columns, types.DefaultFormat(), func(context.Context) ([]byte, error) {
		if data == "" {
			return nil, io.EOF
		}
		n := min(chunk, len(data))
		b := []byte(data[:n])
		data = data[n:]
		return b, nil
	})
	defer r.Close()
	var out strings.Builder
	for {
		b, err := r.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			e := sqlerr.From(err)
			return out.String() + fmt.Sprintf("ERROR %s: %s [%s]", e.Code, e.Message, e.Where)
		}
		for row := range b.Rows {
			for i, c := range columns {
				v := vec.Get(b.Cols[i], row, c.Type)
				switch {
				case v.Null:
					out.WriteString("null ")
				default:
					fmt.Fprintf(&out, "<%s> ", types.AppendText(nil, v, types.DefaultFormat()))
				}
			}
			out.WriteString("; ")
		}
	}
}

// tuple is a row of the binary format; nil is NULL.
func tuple(fields ...[]byte) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(fields)))
	for _, f := range fields {
		if f == nil {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
	}
	return string(b)
}

// TestReader reads data of every format however it is cut into chunks.
func TestReader(t *testing.T) {
	text := Options{Format: "text", Delimiter: '\t', Null: `\N`}
	csv := Options{Format: "csv", Delimiter: ',', Quote: '"', Escape: '"'}
	header := csv
	header.Header, header.HeaderMatch = true, true
	forced := csv
	forced.ForceNull, forced.ForceNotNull = []bool{false, true}, []bool{false, false}
	binaryFormat := Options{Format: "binary"}
	start := signature + strings.Repeat("\x00", 8)
	one := []byte{0, 0, 0, 1}
	for _, c := range []struct {
		name string
		o    Options
		data string
		want string
	}{
		{"text", text, "1\tx\n2\ty\n", "<1> <x> ; <2> <y> ; "},
		{"no end of line at the end", text, "1\tx\n2\ty", "<1> <x> ; <2> <y> ; "},
		{"nulls and empty texts", text, "\\N\t\\N\n3\t\n", "null null ; <3> <> ; "},
		{"escapes", text, "1\ta\\tb\\\\c\\nd\\x41\\101\n", "<1> <a\tb\\c\ndAA> ; "},
		{"lines that go on", text, "1\tx\n2\ty\\\nz\\\\\n3\t\\\n\\\n\n", "<1> <x> ; <2> <y\nz\\> ; <3> <\n\n> ; "},
		{"the end marker", text, "1\tx\n\\.\n9\tz\n", "<1> <x> ; "},
		{"lines of Windows", text, "1\tx\r\n2\ty\r\n", "<1> <x> ; <2> <y> ; "},
		{"a value that is none", text, "1\tx\nzz\ty\n", `<1> <x> ; ERROR 22P02: invalid input syntax for type integer: "zz" [COPY t, line 2, column a: "zz"]`},
		{"too few fields", text, "1\n", `ERROR 22P04: missing data for column "b" [COPY t, line 1: "1"]`},
		{"too many fields", text, "1\tx\ty\n", `ERROR 22P04: extra data after last expected column [COPY t, line 1: "1	x	y"]`},
		{"csv", csv, "1,x\n2,\"a,\"\"b\"\"\nc\"\n", "<1> <x> ; <2> <a,\"b\"\nc> ; "},
		{"csv: nothing is NULL, quoted it is empty", csv, "1,\n2,\"\"\n", "<1> null ; <2> <> ; "},
		{"csv: FORCE_NULL", forced, "1,\"\"\n", "<1> null ; "},
		{"csv: a header", header, "a,b\n1,x\n", "<1> <x> ; "},
		{"csv: another header", header, "a,c\n1,x\n", `ERROR 22P04: column name mismatch in header line field 2: got "c", expected "b" [COPY t, line 1: "a,c"]`},
		{"csv: an open quote", csv, "1,\"x\n", "ERROR 22P04: unterminated CSV quoted field [COPY t, line 1: \"1,\"x\n\"]"},
		{"csv: an open quote behind a line", csv, "1,\"x\ny\"\n2,\"x\ny", "<1> <x\ny> ; ERROR 22P04: unterminated CSV quoted field [COPY t, line 3: \"2,\"x\ny\"]"},
		{"binary", binaryFormat, start + tuple(one, []byte("x")) + tuple(nil, []byte("")) + "\xff\xff", "<1> <x> ; null <> ; "},
		{"binary without a trailer", binaryFormat, start + tuple(one, nil), "<1> null ; "},
		{"binary: another signature", binaryFormat, "PGCOPY\n\xfe\r\n\x00" + strings.Repeat("\x00", 8), "ERROR 22P04: COPY file signature not recognized []"},
		{"binary: another count of fields", binaryFormat, start + tuple(one), "ERROR 22P04: row field count is 1, expected 2 [COPY t, line 1]"},
		{"binary: bytes after the trailer", binaryFormat, start + "\xff\xffx", "ERROR 22P04: received copy data after EOF marker [COPY t, line 1]"},
		{"binary: cut off", binaryFormat, start + tuple(one, []byte("xyz"))[:12], "ERROR 22P04: unexpected EOF in COPY data [COPY t, line 1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunk := range []int{1, 3, 1 << 20} {
				if got := read(c.o, c.data, chunk); got != c.want {
					t.Errorf("in chunks of %d bytes = %q, want %q", chunk, got, c.want)
				}
			}
		})
	}
}

// TestLineThatGoesOn: a line of very many escaped line ends takes no stack for each.
func TestLineThatGoesOn(t *testing.T) {
	const n = 8 << 20
	got := read(Options{Format: "text", Delimiter: '\t', Null: `\N`}, "1\tx\n2\t"+strings.Repeat("\\\n", n)+"\n", 1<<30)
	if want := "<1> <x> ; <2> <" + strings.Repeat("\n", n) + "> ; "; got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

// TestRowWithoutEnd: a row that goes on and on is refused, and not held to its end.
func TestRowWithoutEnd(t *testing.T) {
	for _, c := range []struct{ format, data string }{
		{"text", "1\tx\n2\t"},
		{"csv", "1,x\n2,\""},
		{"binary", signature + strings.Repeat("\x00", 8) + tuple([]byte{0, 0, 0, 1}, []byte("x")) + "\x00\x02\xff\xff\xff\xff\x7f\xff\xff\xff"},
	} {
		const most = 10_000
		read := 0
		o := Options{Format: c.format, Delimiter: '\t', Quote: '"', Escape: '"', MaxRow: most}
		if c.format == "csv" {
			o.Delimiter = ','
		}
		r := NewReader(o, "t", columns, types.DefaultFormat(), func(context.Context) ([]byte, error) {
			if read += 100; read > 2*most {
				return nil, errors.New("all of it is read")
			}
			if read == 100 {
				return []byte(c.data), nil
			}
			return []byte(strings.Repeat("x", 100)), nil
		})
		b, err := r.Next(t.Context())
		if err != nil || b.Rows != 1 {
			t.Fatalf("%s: the row before it: %v", c.format, err)
		}
		if _, err = r.Next(t.Context()); sqlerr.CodeOf(err) != sqlerr.ProgramLimitExceeded || sqlerr.From(err).Where != "COPY t, line 2" {
			t.Errorf("%s: %v, want %s in line 2", c.format, err, sqlerr.ProgramLimitExceeded)
		}
	}
}
