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
	{types.Of(types.Text), []string{"", "a", "a longer text of many bytes", "x\r", "\r", "é", "a\x7f", "\xff", "\"q, \"\"uoted\"", "a\"b", "\"two\nlines\""}},
	{types.Of(types.Varchar), []string{"ab", "a longer text of many bytes", "é", ""}},
	{types.Type{OID: types.Varchar, Mod: 5 + 4}, []string{"ab", "abcde", "abcdef", "abc      ", "ééééé", "éééééé", ""}},
	{types.Of(types.BPChar), []string{"ab", "ab  ", "é", ""}},
	{types.Type{OID: types.BPChar, Mod: 5 + 4}, []string{"ab", "abcde", "abcdef", "abc      ", "é", "ééééé", "ab\x00", ""}},
	{types.Of(types.Numeric), []string{"1", "-1.50", "0.00", "123456789.123456789", "12345678901234567890.5", "NaN", ".5", "5.", "1e5", "--1", ""}},
	{types.Type{OID: types.Numeric, Mod: (18<<16 | 4) + 4}, []string{"1", "-1.5", "12.34567", "99999999999999.9999", "100000000000000", "922337203685477.5808", "999999999999999999", "-0.00005", "", "-12.3456", "123456789.0001", ".1234", "-.1234", "1x.2345", "1.23x5", "12.345", "-"}},
	{types.Of(types.Date), []string{"2024-02-29", "2023-02-29", "0001-01-01", "0000-01-01", "2024-13-01", "2024-1-1", "infinity", "2024-01-15 ", ""}},
	{types.Of(types.Timestamp), []string{"2024-01-15 10:00:00", "2024-01-15T23:59:59.999999", "2024-01-15 10:00:00.5", "2024-01-15 24:00:00", "2024-01-15 10:00:60", "2024-01-15 10:00:00.1234567", "2024-01-15 10:00:00Z", "2024-01-15", "2024-01-15 10:00:00.", "2024-01-15 10:00:00.-5"}},
	{types.Of(types.Timestamptz), []string{"2024-01-15 10:00:00Z", "2024-01-15 10:00:00.25+00", "2024-01-15T10:00:00+02", "2024-01-15 10:00:00", "infinity"}},
	{types.Of(types.Bool), []string{"t", "false", "maybe"}},
	{types.Of(types.Float8), []string{"1.5", "NaN", "-1e10", "x"}},
}

// TestLinesAreAsDecoded decodes files of random records by Lines, with Decode
// for what it leaves, and by Decode alone.
func TestLinesAreAsDecoded(t *testing.T) {
	t.Run("vectors", linesAreAsDecoded)
	byWords(func() { t.Run("words", linesAreAsDecoded) })
}

func linesAreAsDecoded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	quick := 0
	for turn := range 3000 {
		records, limit := rnd.IntN(20), 1+rnd.IntN(6)
		if turn%100 < 2 {
			records, limit = 3000, 1+rnd.IntN(vec.MaxRows)
		}
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
		o := Options{Null: []string{"", "a", "0"}[rnd.IntN(3)], Delimiter: ",;, "[rnd.IntN(4)]}
		var file bytes.Buffer
		for range records {
			var record []string
			for _, texts := range choices {
				record = append(record, texts[rnd.IntN(len(texts))])
			}
			if rnd.IntN(30+records) == 0 {
				record = append(record, "more")
			}
			file.WriteString(strings.Join(record, string(o.Delimiter)) + []string{"\n", "\r\n"}[rnd.IntN(2)])
		}
		want, _ := decodeAll(all, read, o, file.Bytes(), 0)
		got, n := decodeAll(all, read, o, file.Bytes(), limit)
		quick += n
		if !slices.Equal(got, want) {
			if records > 20 {
				i := 0
				for i < len(got) && i < len(want) && got[i] == want[i] {
					i++
				}
				t.Fatalf("columns %v of %v, null %q\nLines: %d rows, from %d on %q\nDecode: %d rows, %q", read, all, o.Null, len(got), i, got[i:min(i+3, len(got))], len(want), want[i:min(i+3, len(want))])
			}
			t.Fatalf("columns %v of %v, null %q\n%q\nLines: %q\nDecode: %q", read, all, o.Null, file.String(), got, want)
		}
	}
	if quick < 50_000 {
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

// TestFewRecordsAreLookedAtTwice has bad and good records by turns: Lines is to
// look at about as much as it takes.
func TestFewRecordsAreLookedAtTwice(t *testing.T) {
	all, out, read := columns(types.Int8, types.Text)
	b := bytes.Repeat([]byte("1,a\nx,b\n"), 10_000)
	d := NewDecoder(all, read, Options{})
	looked, rows := 0, 0
	for len(b) > 0 {
		out.Reset()
		d.Bind(out.Cols)
		n, taken := d.Lines(b, vec.MaxRows, len(b))
		looked += d.ends.n
		b, rows = b[taken:], rows+n
		if end, _, _ := End(b, '"', 0, false); end > 0 {
			b = b[end:]
		}
	}
	if rows != 10_000 || looked > 40*rows {
		t.Errorf("Lines took %d rows and looked at %d fields, want 10000 and at most %d", rows, looked, 40*rows)
	}
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

// TestLinesAllocateNothing in columns that have room.
func TestLinesAllocateNothing(t *testing.T) {
	all, out, read := columns(types.Int8, types.Text, types.Numeric, types.Int4, types.Timestamptz)
	b := bytes.Repeat([]byte("1234567890,a text,12.3456,7,2024-01-15T10:00:00.5Z\n-5,a longer text of some bytes,-0.5,-8,2024-01-16 10:00:00+00\n"), vec.MaxRows/2)
	d := NewDecoder(all, read, Options{})
	decode := func() {
		out.Reset()
		d.Bind(out.Cols)
		if rows, _ := d.Lines(b, vec.MaxRows, len(b)); rows != vec.MaxRows {
			t.Fatalf("%d rows", rows)
		}
	}
	decode()
	if n := testing.AllocsPerRun(20, decode); n != 0 {
		t.Errorf("%v allocations for %d rows", n, vec.MaxRows)
	}
}

// BenchmarkLines reads two of seven columns, and all.
func BenchmarkLines(b *testing.B) {
	all, out, every := columns(types.Int8, types.Int8, types.Int8, types.Text, types.Numeric, types.Int8, types.Timestamp)
	all[4].Type.Mod = (18<<16 | 4) + 4
	rnd := rand.New(rand.NewPCG(1, 2))
	var lines []byte
	for i := range vec.MaxRows {
		lines = fmt.Appendf(lines, "%d,%d,%d,%s,%d.%04d,%d,2024-01-15 %02d:%02d:%02d.%03d\n", 1000000000+i, rnd.IntN(1000000), rnd.IntN(100000),
			[]string{"AAPL", "MSFT", "GOOGL", "AMZN", "F", "BRK.A", "NVDA", "TSLA", "IBM", "ORCL"}[rnd.IntN(10)], rnd.IntN(900), rnd.IntN(10000), 1+rnd.IntN(1000),
			rnd.IntN(24), rnd.IntN(60), rnd.IntN(60), rnd.IntN(1000))
	}
	for _, c := range []struct {
		name string
		read []int
	}{{"none", nil}, {"two", []int{4, 5}}, {"seven", every}} {
		b.Run(c.name, func(b *testing.B) {
			d := NewDecoder(all, c.read, Options{})
			var cols []vec.Vec
			for _, i := range c.read {
				cols = append(cols, out.Cols[i])
			}
			b.SetBytes(int64(len(lines)))
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				d.Bind(cols)
				if rows, _ := d.Lines(lines, vec.MaxRows, 1<<20); rows != vec.MaxRows {
					b.Fatalf("%d rows", rows)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*vec.MaxRows), "ns/row")
		})
	}
}
