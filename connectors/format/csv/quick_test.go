package csv

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fields are texts of fields by the type of their column; some are bad.
var fields = []struct {
	typ   types.Type
	texts []string
}{
	{types.Of(types.Int8), []string{"0", "-1", "007", "123456789012345678", "9223372036854775807", "-9223372036854775808", "+5", " 5", "5x", "1.5", "-", ""}},
	{types.Of(types.Int4), []string{"0", "2147483647", "-2147483648", "2147483648", "", "99999999999"}},
	{types.Of(types.Text), []string{"", "a", "a longer text of many bytes", "x\r", "\r", "é", "a\x7f", "\"q, \"\"uoted\"", "a\"b", "\"two\nlines\""}},
	{types.Of(types.Varchar), []string{"ab", "a longer text of many bytes", "é", ""}},
	{types.Type{OID: types.Varchar, Mod: 5 + 4}, []string{"ab", "abcde", "abcdef", "abc      ", "ééééé", "éééééé", ""}},
	{types.Of(types.BPChar), []string{"ab", "ab  ", "é", ""}},
	{types.Type{OID: types.BPChar, Mod: 5 + 4}, []string{"ab", "abcde", "abcdef", "abc      ", "é", "ééééé", "ab\x00", ""}},
	{types.Of(types.Numeric), []string{"1", "-1.50", "0.00", "123456789.123456789", "12345678901234567890.5", "NaN", ".5", "5.", "1e5", "--1", ""}},
	{types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}, []string{"1", "-1.5", "12.34567", "99999999999999.9999", "100000000000000", "922337203685477.5808", "999999999999999999", "-0.00005", ""}},
	{types.Of(types.Date), []string{"2024-02-29", "2023-02-29", "0001-01-01", "0000-01-01", "2024-13-01", "2024-1-1", "infinity", "2024-01-15 ", ""}},
	{types.Of(types.Timestamp), []string{"2024-01-15 10:00:00", "2024-01-15T23:59:59.999999", "2024-01-15 10:00:00.5", "2024-01-15 24:00:00", "2024-01-15 10:00:60", "2024-01-15 10:00:00.1234567", "2024-01-15 10:00:00Z", "2024-01-15", "2024-01-15 10:00:00.", "2024-01-15 10:00:00.-5"}},
	{types.Of(types.Timestamptz), []string{"2024-01-15 10:00:00Z", "2024-01-15 10:00:00.25+00", "2024-01-15T10:00:00+02", "2024-01-15 10:00:00", "infinity"}},
	{types.Of(types.Bool), []string{"t", "false", "maybe"}},
	{types.Of(types.Float8), []string{"1.5", "NaN", "-1e10", "x"}},
}

// TestLinesAreAsDecoded decodes files of random records by Lines, with Decode
// for what it leaves, and by Decode alone.
func TestLinesAreAsDecoded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	quick := 0
	for turn := range 3000 {
		var all []catalog.Column
		var read []int
		var choices [][]string
		for i := range 1 + rnd.IntN(5) {
			f := fields[rnd.IntN(len(fields))]
			all = append(all, catalog.Column{Name: fmt.Sprintf("c%d", i), Type: f.typ})
			texts := f.texts
			if turn%2 == 0 {
				texts = texts[:2] // good ones
			}
			choices = append(choices, texts)
			if rnd.IntN(4) > 0 {
				read = append(read, i)
			}
		}
		var file bytes.Buffer
		for range rnd.IntN(20) {
			var record []string
			for _, texts := range choices {
				record = append(record, texts[rnd.IntN(len(texts))])
			}
			if rnd.IntN(30) == 0 {
				record = append(record, "more")
			}
			file.WriteString(strings.Join(record, ",") + []string{"\n", "\r\n"}[rnd.IntN(2)])
		}
		o := Options{Null: []string{"", "a", "0"}[rnd.IntN(3)]}
		want, _ := decodeAll(all, read, o, file.Bytes(), 0)
		got, n := decodeAll(all, read, o, file.Bytes(), 1+rnd.IntN(6))
		quick += n
		if !slices.Equal(got, want) {
			t.Fatalf("columns %v of %v, null %q\n%q\nLines: %q\nDecode: %q", read, all, o.Null, file.String(), got, want)
		}
	}
	if quick < 5_000 {
		t.Errorf("Lines took %d rows", quick)
	}
}

// decodeAll returns the rows and errors of a file's records, by Lines where it
// may take up to limit rows at a time, and how many those were.
func decodeAll(all []catalog.Column, read []int, o Options, b []byte, limit int) (out []string, quick int) {
	d := NewDecoder(all, read, o)
	var cols []vec.Vec
	for _, c := range read {
		cols = append(cols, vec.New(all[c].Type))
	}
	d.Bind(cols)
	row := 0
	text := func() {
		for ; row < d.row; row++ {
			var s []string
			for i, c := range cols {
				if c.Len() != d.row {
					s = append(s, fmt.Sprintf("%d rows of %d", c.Len(), d.row))
				} else if c.Nulls().Get(row) {
					s = append(s, "NULL")
				} else {
					s = append(s, string(vec.TextAppender(all[read[i]].Type, types.DefaultFormat())(nil, c, row)))
				}
			}
			out = append(out, strings.Join(s, "|"))
		}
	}
	for len(b) > 0 {
		if limit > 0 {
			rows, taken := d.Lines(b, limit, len(b))
			b, quick = b[taken:], quick+rows
			text()
		}
		end, _, _ := End(b, '"', 0, false)
		if end < 0 {
			end = len(b)
		}
		if end == 0 {
			break
		}
		if err := d.Decode(b[:end]); err != nil {
			out = append(out, err.Error())
		}
		b = b[end:]
		text()
	}
	return out, quick
}

func TestLinesTakePlainRecords(t *testing.T) {
	record := "-12,2147483647,text,a var,abcde,a bpchar,ab,1.50,12.3456,2024-02-29,2024-02-29 23:59:59.25,2024-02-29T00:00:00Z\n"
	var all []catalog.Column
	var read []int
	for i, f := range fields[:12] {
		all, read = append(all, catalog.Column{Name: fmt.Sprint(i), Type: f.typ}), append(read, i)
	}
	const n = 3
	rows, quick := decodeAll(all, read, Options{}, bytes.Repeat([]byte(record+"\n"), n)[:n*(len(record)+1)-1], 1)
	if quick != n {
		t.Errorf("Lines took %d of %d records: %q", quick, n, rows)
	}
}
