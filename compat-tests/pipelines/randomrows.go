package pipelines

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// streamColumns are the columns of the streams. An id is of one row of e and f, and is
// the key of u, of which the last row counts, and of b, whose records are changes.
const streamColumns = "id bigint, k text, v int, x numeric, d float8, ts timestamptz"

// delay is how far rows of e and f may be out of order, in seconds.
const delay = 5

// stamp is how the rows' times are written.
const stamp = "2006-01-02 15:04:05.0"

// randomStream is one of the streams that queries read.
type randomStream struct {
	name    string
	format  string
	keyed   bool
	delayed string // what the watermark allows for
}

// randomInputs are the streams, and t, a table that statements change, which are its records.
var randomInputs = []randomStream{{"e", "csv", false, "5 seconds"}, {"f", "csv", false, "5 seconds"}, {"u", "csv", true, "1 hour"}, {"b", "debezium-json", true, "1 hour"}, {"t", statements, true, ""}}

// statements is the format of an input whose records are run.
const statements = "sql"

// declaration creates the stream.
func (st randomStream) declaration(options string) string {
	if st.format == statements {
		return fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (id))", st.name, streamColumns)
	}
	key := ""
	if st.keyed {
		key = "PRIMARY KEY (id), "
	}
	return fmt.Sprintf("CREATE STREAM %s (%s, %sWATERMARK FOR ts AS ts - INTERVAL '%s') WITH (%s)", st.name, streamColumns, key, st.delayed, options)
}

// input are rows as the stream's records.
func (st randomStream) input(rows []string) input {
	in := input{name: st.name, format: st.format, stages: [][]string{rows}}
	switch st.name {
	case "u":
		in.key = func(record string) string { return record[:strings.IndexByte(record, ',')] }
	case "b":
		in.stages[0] = nil
		for _, row := range rows {
			in.stages[0] = append(in.stages[0], debezium(row))
		}
		in.key = func(record string) string {
			var c struct{ Before, After struct{ ID *int64 } }
			if err := json.Unmarshal([]byte(record), &c); err != nil {
				panic(err)
			}
			return fmt.Sprint(*cmp.Or(c.Before.ID, c.After.ID))
		}
	}
	return in
}

// debezium is a change: c or d, and a row.
func debezium(change string) string {
	op, row, _ := strings.Cut(change, ",")
	fields := strings.Split(row, ",")
	record := map[string]any{}
	for i, name := range []string{"id", "k", "v", "x", "d", "ts"} {
		switch f := fields[i]; {
		case f == "":
			record[name] = nil
		case f == `""`:
			record[name] = ""
		case name == "id" || name == "v" || name == "d" && !strings.ContainsAny(f, "Nn"):
			record[name] = json.RawMessage(f)
		default:
			record[name] = f
		}
	}
	envelope := map[string]any{"op": op, "before": nil, "after": record}
	if op == "d" {
		envelope["before"], envelope["after"] = record, nil
	}
	text, err := json.Marshal(envelope)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// table are the rows that a stream's records come to.
func (st randomStream) table(rows []string) []string {
	if !st.keyed {
		return rows
	}
	last := map[string]string{}
	for _, row := range rows {
		op := ""
		if st.name == "b" {
			op, row, _ = strings.Cut(row, ",")
		}
		id := row[:strings.IndexByte(row, ',')]
		delete(last, id)
		if op != "d" {
			last[id] = row
		}
	}
	var all []string
	for _, row := range last {
		all = append(all, row)
	}
	slices.Sort(all)
	return all
}

// randomStreamsOf are the streams that a source may read.
func randomStreamsOf(s source) []randomStream {
	if s.tree == nil {
		return randomInputs[:2]
	}
	names := s.tree.streams()
	return slices.DeleteFunc(slices.Clone(randomInputs), func(st randomStream) bool { return !slices.Contains(names, st.name) })
}

// begins are when the first rows are of: where the clock of Berlin changes, too.
var begins = []string{"2026-01-01 00:00:00.0", "2026-01-01 00:00:00.0", "2026-01-01 00:00:00.0", "2025-03-30 00:58:00.0", "2025-10-25 23:58:30.0", "2025-10-26 00:57:00.0"}

// randomStreams are the rows of the streams that a source reads.
func randomStreams(r *rand.Rand, s source) map[string][]string {
	from, err := time.Parse(stamp, one(r, begins...))
	if err != nil {
		panic(err)
	}
	rows := rowMaker{Rand: r, from: from}
	if s.late {
		rows.late = 15
	}
	if s.tree != nil {
		t, _ := s.tree.traits()
		rows.rich, rows.wide = true, t.wide
	}
	all := map[string][]string{}
	if s.tree != nil && s.tree.depth() < 3 && r.IntN(12) == 0 {
		rows.keys = 40
	}
	for _, st := range randomStreamsOf(s) {
		rows.step = []float64{0.3, 1, 4, 30}[r.IntN(4)]
		if rows.step == 30 && !rows.rich {
			rows.step = 2
		}
		all[st.name] = rows.of(st)
	}
	if s.versions {
		all["f"] = oneVersion(all["f"])
	}
	return all
}

// rowMaker makes the rows of one scenario.
type rowMaker struct {
	*rand.Rand
	from time.Time
	step float64 // seconds from one row to the next
	late float64 // how much more than the delay rows may be out of order, in seconds
	rich bool    // with numbers and texts that are rare
	keys int     // how many more there are than a few
	wide bool    // with times from all ends
}

// of are a stream's rows, in an order that the watermark allows for.
func (m rowMaker) of(st randomStream) []string {
	var all []string
	live := map[int]string{}
	if st.format == statements {
		for i := range m.IntN(30) {
			all = append(all, m.statement(st.name, i))
		}
		return all
	}
	n := 50 + 14*m.keys
	if m.late > 0 {
		n = 20 // each is an epoch
	}
	for i := range m.IntN(n) {
		id := i
		if st.keyed {
			id = m.IntN(9 + m.keys)
		}
		row := fmt.Sprintf("%d,%s", id, m.row(i))
		if st.name != "b" {
			all = append(all, row)
			continue
		}
		if before, ok := live[id]; ok && m.IntN(3) == 0 {
			all = append(all, "d,"+before)
			delete(live, id)
			continue
		}
		live[id] = row
		all = append(all, "c,"+row)
	}
	return all
}

// statement changes a table, in a transaction of one statement or of two. The oracle
// understands it, too.
func (m rowMaker) statement(table string, n int) string {
	quoted := func(row string) string {
		fields := strings.Split(row, ",")
		for i, f := range fields {
			if fields[i] = "'" + f + "'"; f == "" {
				fields[i] = "NULL"
			}
			if f == `""` {
				fields[i] = "''"
			}
		}
		return strings.Join(fields, ", ")
	}
	where := one(m.Rand, "v > 2", "k = 'a'", "id % 3 = 0", "v IS NULL", "true", "id < 4", "x > 1")
	switch m.IntN(8) {
	case 0:
		return fmt.Sprintf("DELETE FROM %s WHERE %s AND id %% 2 = %d", table, where, m.IntN(2))
	case 1:
		return fmt.Sprintf("UPDATE %s SET %s WHERE %s", table, one(m.Rand, "v = v + 1", "k = 'b'", "k = NULL, v = 1", "x = x * 2, d = -d", "v = v", "ts = NULL", "d = 'NaN'"), where)
	case 2:
		return fmt.Sprintf("INSERT INTO %[1]s SELECT id + %[2]d, k, v, x, d, ts FROM %[1]s WHERE %[3]s ON CONFLICT DO NOTHING", table, 1+m.IntN(3), where)
	case 3:
		return m.statement(table, n) + "; " + m.statement(table, n)
	}
	var rows []string
	for i := range 1 + m.IntN(6) {
		rows = append(rows, fmt.Sprintf("(%d, %s)", (m.IntN(3)*7+i)%20, quoted(m.row(n))))
	}
	return fmt.Sprintf("INSERT INTO %s VALUES %s ON CONFLICT (id) DO UPDATE SET k = excluded.k, v = excluded.v, x = excluded.x, d = excluded.d, ts = excluded.ts", table, strings.Join(rows, ", "))
}

func (m rowMaker) field(value string) string {
	if m.IntN(8) == 0 {
		return ""
	}
	return value
}

// row is the nth one, without its id.
func (m rowMaker) row(n int) string {
	k, x, d := one(m.Rand, "a", "b", "c", "d"), one(m.Rand, "0.5", "1.25", "2", "3.000", "-1.1"), one(m.Rand, "0", "0.5", "1.5", "-2.25")
	if m.keys > 0 && m.IntN(5) > 0 {
		k = fmt.Sprintf("key %d", m.IntN(m.keys))
	}
	if m.rich && m.IntN(6) == 0 {
		k = one(m.Rand, `""`, "é", "Z", "ß", "日本", "\x01", "a\x01", "A", "e\u0301")
	}
	if m.rich && m.IntN(6) == 0 {
		x = one(m.Rand, "NaN", "Infinity", "-Infinity", "0.50", "2.0", "-1.10", "0", "0.000", "123456789012345678901234567890.5", "-9223372036854775809", "0.000000000000000000000000001")
	}
	if m.rich && m.IntN(4) == 0 {
		d = one(m.Rand, "NaN", "Infinity", "-Infinity", "-0", "1024")
	}
	half := int((float64(n)*m.step + m.Float64()*(delay-0.2+m.late)) * 2) // ties at half seconds
	ts := m.from.Add(time.Duration(half) * time.Second / 2).Format(stamp)
	if m.wide && m.IntN(5) == 0 {
		ts = one(m.Rand, "infinity", "-infinity", "294276-12-31 23:59:59.999999", "4713-01-01 00:00:00 BC", "1969-12-31 23:59:59.5", "9999-12-31 00:00:00")
	}
	if m.IntN(25) == 0 {
		ts = ""
	}
	return fmt.Sprintf("%s,%s,%s,%s,%s", m.field(k), m.field(fmt.Sprint(m.IntN(6+m.keys)-1)), m.field(x), m.field(d), ts)
}

// oneVersion leaves out rows of a key and time that are there before.
func oneVersion(rows []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, row := range rows {
		f := strings.Split(row, ",")
		if at := f[1] + "," + f[5]; !seen[at] {
			seen[at] = true
			all = append(all, row)
		}
	}
	return all
}

// permuted has the rows of e and f in another order: in any where nothing asks for
// their time, else in one that the watermark allows for.
func (s *scenario) permuted(r *rand.Rand) *scenario {
	waits := s.source.tree == nil && s.late == "" && !s.update
	if s.source.tree != nil {
		t, _ := s.source.tree.traits()
		waits = t.waits
	}
	c := *s
	c.rows = map[string][]string{}
	for _, st := range s.streams() {
		rows := slices.Clone(s.rows[st.name])
		switch {
		case st.keyed, s.source.late:
		case waits:
			rows = permuted(r, rows)
		default:
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
		c.rows[st.name] = rows
	}
	return &c
}

// permuted are rows in another order that the watermark allows for.
func permuted(r *rand.Rand, rows []string) []string {
	at := map[string]float64{}
	last := 0.0
	for _, row := range rows {
		if ts := row[strings.LastIndexByte(row, ',')+1:]; ts != "" {
			t, err := time.Parse(stamp, ts)
			if err != nil {
				panic(err)
			}
			last = float64(t.UnixMilli()) / 1000
		}
		at[row] = last + r.Float64()*(delay-0.2)
	}
	return slices.SortedStableFunc(slices.Values(rows), func(a, b string) int { return cmp.Compare(at[a], at[b]) })
}
