package json

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// rowsOf are the rows of records, and the errors in their places; ran is how many of them
// came of runs.
func rowsOf(cols []catalog.Column, records [][]byte, o Options, run bool) (out []string, ran int) {
	d := NewDecoder(cols, o)
	b := batch(cols)
	for len(records) > 0 {
		b.Reset()
		d.Bind(b.Cols)
		rows := 0
		var failed error
		for len(records) > 0 && rows < vec.MaxRows && failed == nil {
			if run {
				n := d.Run(records)
				records, rows, ran = records[n:], rows+n, ran+n
				if len(records) == 0 || rows >= vec.MaxRows {
					break
				}
			}
			if failed = d.Decode(records[0]); failed == nil {
				rows++
			}
			records = records[1:]
		}
		for i := range cols {
			if n := b.Cols[i].Len(); n != rows {
				out = append(out, fmt.Sprintf("column %s has %d rows of %d", cols[i].Name, n, rows))
				return out, ran
			}
		}
		for i := range rows {
			out = append(out, text(cols, b, i))
		}
		if e := (*sqlerr.Error)(nil); errors.As(failed, &e) {
			out = append(out, e.Error()+e.Detail+e.Column)
		}
	}
	return out, ran
}

// alike fails where runs and single records are decoded to different rows.
func alike(t *testing.T, cols []catalog.Column, records [][]byte, o Options) (ran int) {
	t.Helper()
	got, ran := rowsOf(cols, records, o, true)
	want, _ := rowsOf(cols, records, o, false)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("no row %d, want %s", i, want[i])
		case i >= len(want):
			t.Fatalf("row %d = %s, want none", i, got[i])
		case got[i] != want[i]:
			t.Fatalf("row %d = %s, want %s", i, got[i], want[i])
		}
	}
	return ran
}

// kept copies records so that each ends where its memory does, or has other bytes behind it.
func kept(records [][]byte, rnd *rand.Rand) [][]byte {
	out := make([][]byte, len(records))
	for i, r := range records {
		behind := []string{"", `"`, `"}"}"}"}"}"}"}"}"}"}`, "0000000000000000000"}[rnd.IntN(4)]
		whole := append(bytes.Clone(r), behind...)
		out[i] = whole[:len(r):len(r)]
	}
	return out
}

func TestRunsAreAsDecoded(t *testing.T) {
	cols := columns(t, "i int8", "s text", "n numeric(12,3)", "m numeric", "t timestamptz", "u timestamp", "d date", "b bool", "f float8", "v varchar(9)", "k int4", "w int2", "j json", "absent text")
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	number := func(odd bool) string {
		s := fmt.Sprint(rnd.Int64N(1e18) >> rnd.IntN(62))
		if odd {
			s = pick(s+".5", s+s, "0"+s, s+"e1", s+".0")
		}
		return pick(s, s, "-"+s)
	}
	string16 := func() string { return strings.Repeat("x", rnd.IntN(40)) }
	record := func(odd bool) []byte {
		fields := []string{
			`"i":` + number(odd), `"s":"` + string16() + `"`, fmt.Sprintf(`"n":%d.%03d`, rnd.IntN(100000), rnd.IntN(1000)),
			`"m":` + pick("1", "2.50", "0.000001", "-7.25"), `"skipped":` + pick(`"a b"`, `"c"`), `"none":` + pick("1", "12.5", "-3"),
			fmt.Sprintf(`"t":"2024-02-%02dT10:%02d:%02d.%06dZ"`, 1+rnd.IntN(28), rnd.IntN(60), rnd.IntN(60), rnd.IntN(1000000)),
			fmt.Sprintf(`"u":"2024-02-29 23:59:%02d.%03d"`, rnd.IntN(60), rnd.IntN(1000)), fmt.Sprintf(`"d":"2023-%02d-11"`, 1+rnd.IntN(12)),
			`"b":` + pick("true", "false"), `"f":` + pick("1.5", "-0.25", "12345"), `"v":"` + pick("abc", "", "123456789") + `"`,
			fmt.Sprintf(`"k":%d`, rnd.IntN(1000)), fmt.Sprintf(`"w":%d`, rnd.IntN(100)),
		}
		b := []byte("{" + strings.Join(fields, ",") + "}")
		if !odd {
			return b
		}
		switch rnd.IntN(7) {
		case 0:
			b[rnd.IntN(len(b))] = pick(`"`, `\`, "\x00", "\xc3", ",", "}", "0", "9", ".", "-", " ", "e", "n")[0]
		case 1:
			b = b[:rnd.IntN(len(b))]
		case 2:
			at := rnd.IntN(len(b))
			b = append(b[:at:at], append([]byte(pick(`"`, `\n`, "ä", " ", "0", "00", `"",`)), b[at:]...)...)
		case 3:
			b = bytes.Replace(b, []byte(`"i":`), []byte(`"i":null,"j":`), 1)
		case 4:
			b = append(b, pick(" ", "\n", "}", "x")...)
		case 5:
			b = bytes.Replace(b, []byte(`"s":"`), []byte(`"s":"\u00e4`), 1)
		case 6:
			b = nil
		}
		return b
	}
	for _, o := range []Options{{}, {NullBad: true}} {
		for _, oddness := range []int{0, 200, 20, 3} {
			var records [][]byte
			for range 4000 {
				records = append(records, record(oddness > 0 && rnd.IntN(oddness) == 0))
			}
			ran := alike(t, cols, kept(records, rnd), o)
			if vectors && oddness == 0 && ran < 2000 {
				t.Errorf("%d of %d plain records were decoded in runs", ran, len(records))
			}
		}
	}
}

// TestLayoutsThatRun are such of few keys, short texts, spaces and values at the end.
func TestLayoutsThatRun(t *testing.T) {
	cols := columns(t, "a int8", "s text", "n numeric(10,2)", "c int4")
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, form := range []string{
		`{"a":%[1]d}`, `{"s":"%[1]d"}`, `{"n":%[1]d.%02[2]d}`, `{"x":%[1]d}`, `{"x":"%[1]d"}`, `{"a":%[1]d,"s":"%[2]d"}`, `{"s":"%[2]d","a":%[1]d}`,
		`{ "a" : %[1]d , "s" : "%[2]d" }`, `{"a":%[1]d          ,"c":%[2]d}`, `{"n":%[1]d.%02[2]d,"c":-%[2]d, "a":-%[1]d}`,
		`{"a_key_of_many_letters_and_more":"%[1]d","n":"%[1]d.%02[2]d","another_key_of_many_letters":%[1]d,"a":%[1]d}`,
	} {
		var records [][]byte
		for range 600 {
			records = append(records, fmt.Appendf(nil, form, rnd.IntN(1000000)>>rnd.IntN(20), rnd.IntN(100)))
		}
		if ran := alike(t, cols, kept(records, rnd), Options{}); vectors && ran < 400 {
			t.Errorf("%s: %d of %d records were decoded in runs", form, ran, len(records))
		}
	}
}

// TestRunAllocates asserts that a run of plain events allocates nothing.
func TestRunAllocates(t *testing.T) {
	data, ends := events()
	var records [][]byte
	cols := eventColumns(t)
	d := NewDecoder(cols, Options{})
	out := batch(cols)
	decode := func() {
		out.Reset()
		d.Bind(out.Cols)
		records = inRuns(t, d, records, data, ends)
	}
	decode()
	if n := testing.AllocsPerRun(10, decode); n != 0 {
		t.Errorf("%v allocations a batch, want 0", n)
	}
}

// FuzzRun decodes records that are alike, and others between them, in runs and one by one.
func FuzzRun(f *testing.F) {
	f.Add([]byte(event), []byte(event), uint8(7))
	f.Add([]byte(`{"i":1,"s":"x","f":1.5,"b":true}`), []byte(`{"i":2,"s":"\u00e4","f":1.5,"b":true}`), uint8(3))
	f.Add([]byte(`{"i":1   ,"s":"x"}`), []byte(`{"i":1,"s":"x"}`), uint8(1))
	f.Add([]byte(`{"n":1.25,"t":"2024-01-15T10:30:00.123456Z"}`), []byte(`{"n":,"t":"2024-01-15T10:30:00.123456"}`), uint8(2))
	cols := columns(f, "i int8", "s text", "f float8", "b bool", "j json", "n numeric(9,2)", "t timestamptz", "order_id int8", "price numeric(18,4)", "event_time timestamptz")
	f.Fuzz(func(t *testing.T, one, other []byte, every uint8) {
		var records [][]byte
		for i := range 40 {
			if every > 0 && i%int(every) == int(every)-1 {
				records = append(records, other)
				continue
			}
			records = append(records, one)
		}
		alike(t, cols, kept(records, rand.New(rand.NewPCG(1, 2))), Options{})
	})
}
