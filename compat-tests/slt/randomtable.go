package slt

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// randomTable is a table of a generator.
type randomTable struct {
	table
	cols []column
}

// randomTables makes tables of random columns and rows. Values are small enough
// that no safe expression overflows.
func randomTables(r *rand.Rand, n int) []randomTable {
	var out []randomTable
	for i := range n {
		t := randomTable{table: table{name: fmt.Sprintf("r%d", i)}}
		t.cols = []column{{"id", "int4"}}
		for j := range 5 + r.IntN(8) {
			typ := pick(r, allTypes)
			t.cols = append(t.cols, column{fmt.Sprintf("c%d", j), typ})
		}
		var decl []string
		for _, c := range t.cols {
			decl = append(decl, c.name+" "+sqlType(c.typ))
		}
		t.columns = strings.Join(decl, ", ")
		var csv strings.Builder
		rows := []int{0, 1, 7, 23, 40}[i%5]
		for id := range rows {
			fmt.Fprintf(&csv, "%d", id)
			for _, c := range t.cols[1:] {
				csv.WriteString("," + randomField(r, c.typ))
			}
			csv.WriteString("\n")
		}
		t.csv = csv.String()
		out = append(out, t)
	}
	return out
}

// randomField is a value as CSV has it; one in seven is NULL.
func randomField(r *rand.Rand, typ string) string {
	if r.IntN(7) == 0 {
		return ""
	}
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	day := func() string { return fmt.Sprintf("%04d-%02d-%02d", 1900+r.IntN(200), 1+r.IntN(12), 1+r.IntN(28)) }
	clock := func() string {
		return fmt.Sprintf("%02d:%02d:%02d", r.IntN(24), r.IntN(60), r.IntN(60)) + pick(r, []string{"", ".5", ".123456", ".000001"})
	}
	switch typ {
	case "bool":
		return pick(r, []string{"t", "f"})
	case "int4":
		return fmt.Sprint(r.IntN(200) - 100)
	case "int8":
		return fmt.Sprint(r.Int64N(20_000_000) - 10_000_000)
	case "numeric":
		return fmt.Sprintf("%.*f", r.IntN(6), (r.Float64()-0.5)*pick(r, []float64{1, 100, 1e6}))
	case "float8":
		return fmt.Sprintf("%g", (r.Float64()-0.5)*pick(r, []float64{0.001, 1, 1000}))
	case "text":
		return quoted(pick(r, []string{"", "a", "b", "abc", "Abc", "  a b ", "cab ba", "é", "日本語", "12", "a%b", "x_y", "Z", "bbb", "🦊", "a'b", "null"}))
	case "date":
		return day()
	case "timestamp":
		return day() + " " + clock()
	case "timestamptz":
		return day() + " " + clock() + pick(r, []string{"+00", "-08", "+05:30"})
	case "interval":
		return fmt.Sprintf("%d mon %d day %s", r.IntN(30)-15, r.IntN(60)-30, clock())
	case "time":
		return clock()
	case "jsonb":
		return quoted(pick(r, []string{`{"a": 1, "b": {"c": [1,2]}}`, `[1, 2.50, "x"]`, `"s"`, `5`, `null`, `{}`, `[]`, `{"a": "é"}`, `true`}))
	case "ints":
		return quoted(pick(r, []string{"{1,2,3}", "{}", "{NULL,5}", "{-1}", "{3,3,1,2}"}))
	case "uuid":
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", r.Uint32(), r.IntN(1000))
	default:
		return quoted(pick(r, []string{`\x`, `\x00`, `\x0102ff`, `\x61`}))
	}
}
