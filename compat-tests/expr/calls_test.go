package expr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
)

// callSetup makes two sessions alike.
const callSetup = `SET TimeZone = 'Europe/Berlin'; SET statement_timeout = '20s'; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`

// TestRandomCalls calls every function, operator and cast of the registry with
// random arguments of its types, NULLs and literals without a type among them,
// and compares the value and its type, or the SQLSTATE, with PostgreSQL's.
// CALL_SEED and CALL_COUNT say which and how many of each; CALL_NAME calls only
// what has that name.
func TestRandomCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a gateway")
	}
	theirs := connect(t)
	g := gateway.Start(t, gateway.Options{})
	ours, err := pgconn.Connect(context.Background(), "postgres://ferris@"+g.Listen+"/ferris?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(context.Background()) })
	for _, conn := range []*pgconn.PgConn{theirs, ours} {
		if _, err := conn.Exec(context.Background(), callSetup).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	calls := randomCalls(t, uint64(setting("CALL_SEED", 1)), setting("CALL_COUNT", tiered(3, 60)))
	wrong, ran := map[string]int{}, 0
	for len(calls) > 0 {
		batch := calls[:min(len(calls), 100)]
		calls = calls[len(batch):]
		want, got := callAnswers(t, theirs, batch), callAnswers(t, ours, batch)
		for i, c := range batch {
			ran++
			if want[i].sameAs(got[i], c) || refused(c, want[i], got[i]) {
				continue
			}
			if wrong[c.of]++; wrong[c.of] <= 2 {
				t.Errorf("%s\n got %s\nwant %s", c.sql, got[i], want[i])
			}
		}
		if len(wrong) > 100 {
			t.Fatal("too many functions differ")
		}
	}
	t.Logf("%d calls", ran)
}

// call is a statement that calls one thing.
type call struct {
	of   string // what it calls
	sql  string
	near bool // its floats may differ in the last places
}

// callAnswer is the type and the rows of an answer, or its SQLSTATE.
type callAnswer struct {
	typ     uint32
	rows    string
	code    string
	message string
}

func (a callAnswer) String() string {
	if a.code != "" {
		return "ERROR " + a.code + " " + a.message
	}
	return a.rows + " (" + types.FormatType(types.Of(types.OID(a.typ))) + ")"
}

func (a callAnswer) sameAs(b callAnswer, c call) bool {
	if a.code != "" || b.code != "" {
		return a.code == b.code
	}
	// Types that are made here and there have OIDs of their own.
	if a.typ != b.typ && (a.typ < 16384 || b.typ < 16384) {
		return false
	}
	return a.rows == b.rows || c.near && nearly(a.rows, b.rows)
}

// nearly reports whether two texts are alike but for the last places of floats.
func nearly(a, b string) bool {
	cut := func(r rune) bool { return strings.ContainsRune("(){}[]<>, \n\"", r) }
	x, y := strings.FieldsFunc(a, cut), strings.FieldsFunc(b, cut)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] == y[i] {
			continue
		}
		f, err := strconv.ParseFloat(x[i], 64)
		g, otherErr := strconv.ParseFloat(y[i], 64)
		if err != nil || otherErr != nil || math.Abs(f-g) > 1e-12*max(math.Abs(f), math.Abs(g)) {
			return false
		}
	}
	return true
}

// callAnswers asks many statements in one round trip.
func callAnswers(t *testing.T, conn *pgconn.PgConn, calls []call) []callAnswer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	p := conn.StartPipeline(ctx)
	for _, c := range calls {
		p.SendQueryParams(c.sql, nil, nil, nil, nil)
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	answers := make([]callAnswer, 0, len(calls))
	for len(answers) < len(calls) {
		var a callAnswer
		result, err := p.GetResults()
		if err == nil {
			if r, ok := result.(*pgconn.ResultReader); ok {
				a = readCall(r)
				_, err = r.Close()
			}
		}
		if err != nil {
			var e *pgconn.PgError
			if !errors.As(err, &e) {
				t.Fatalf("%s: %v", calls[len(answers)].sql, err)
			}
			a = callAnswer{code: e.Code, message: e.Message}
		}
		answers = append(answers, a)
		if result, err = p.GetResults(); err != nil {
			t.Fatalf("%s: %v", calls[len(answers)-1].sql, err)
		} else if _, ok := result.(*pgconn.PipelineSync); !ok {
			t.Fatalf("%s: %T where Sync ends", calls[len(answers)-1].sql, result)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return answers
}

func readCall(r *pgconn.ResultReader) callAnswer {
	var a callAnswer
	if fields := r.FieldDescriptions(); len(fields) > 0 {
		a.typ = fields[0].DataTypeOID
	}
	var rows []string
	for r.NextRow() {
		s := "NULL"
		if v := r.Values()[0]; v != nil {
			s = string(v)
		}
		rows = append(rows, s)
	}
	a.rows = strings.Join(rows, "\n")
	return a
}

// randomCalls are count calls of everything that the registry has.
func randomCalls(t *testing.T, seed uint64, count int) []call {
	t.Helper()
	b := function.Builtins()
	var calls []call
	add := func(n int, of string, make func(m *callMaker) (string, bool)) {
		name, _, _ := strings.Cut(of, "(")
		if only := callOnly(); only != "" && only != name || isUncallable(of) {
			return
		}
		m := &callMaker{Rand: rand.New(rand.NewPCG(seed, uint64(n))), name: name}
		for range count {
			m.element = callElements[m.IntN(len(callElements))]
			sql, ok := make(m)
			if !ok {
				if !isUncallable(of) && !isUncallable(name) {
					t.Errorf("%s: no arguments can be made for it", of)
				}
				return
			}
			calls = append(calls, call{of: of, sql: sql, near: nearFunctions[name]})
		}
	}
	// Some are registered in a map's order.
	functions := slices.SortedFunc(slices.Values(b.Functions), func(f, g *catalog.Function) int { return cmp.Compare(f.OID, g.OID) })
	for _, f := range functions {
		if f.OID >= firstOwn && f.OID < 16384 || isUncallable(f.Name) {
			continue
		}
		var args []string
		for _, a := range f.Args {
			args = append(args, types.FormatType(types.Of(a)))
		}
		add(int(f.OID), f.Name+"("+strings.Join(args, ", ")+")", func(m *callMaker) (string, bool) { return m.call(f) })
	}
	for i, o := range b.Operators {
		of := fmt.Sprintf("%s(%s, %s)", o.Name, types.FormatType(types.Of(o.Left)), types.FormatType(types.Of(o.Right)))
		add(1<<20+i, of, func(m *callMaker) (string, bool) { return m.operation(o) })
	}
	for i, c := range b.Casts {
		of := fmt.Sprintf("cast(%s, %s)", types.FormatType(types.Of(c.Source)), types.FormatType(types.Of(c.Target)))
		add(1<<21+i, of, func(m *callMaker) (string, bool) {
			v, ok := m.value(c.Source, -1)
			return "SELECT " + v + "::" + types.FormatType(types.Of(c.Target)), ok
		})
	}
	return calls
}

// firstOwn is the first OID of functions that PostgreSQL has not.
const firstOwn types.OID = 9900

// arguments are those of one call.
func (m *callMaker) arguments(f *catalog.Function) ([]string, bool) {
	n := len(f.Args)
	if f.Optional > 0 {
		n -= m.IntN(f.Optional + 1)
	}
	var args []string
	for i, a := range f.Args[:n] {
		v, ok := m.value(a, i)
		if !ok {
			return nil, false
		}
		args = append(args, v)
		if f.Variadic && i == len(f.Args)-1 {
			for range m.IntN(3) {
				v, _ := m.value(a, i)
				args = append(args, v)
			}
		}
	}
	return args, true
}

// call is a statement that calls a function.
func (m *callMaker) call(f *catalog.Function) (string, bool) {
	name := `pg_catalog."` + f.Name + `"`
	if f.Kind == catalog.Aggregate {
		return m.aggregate(name, f)
	}
	args, ok := m.arguments(f)
	if !ok {
		return "", false
	}
	if f.Kind == catalog.Window {
		return fmt.Sprintf("SELECT %s(%s) OVER (ORDER BY k) FROM generate_series(1, 3) AS g(k)", name, strings.Join(args, ", ")), true
	}
	return fmt.Sprintf("SELECT %s(%s) LIMIT 30", name, strings.Join(args, ", ")), true
}

// aggregate is a call over some rows, whose arguments are a choice by the row's
// number.
func (m *callMaker) aggregate(name string, f *catalog.Function) (string, bool) {
	var args []string
	for i, a := range f.Args {
		if i < f.Direct && f.AggKind != 0 {
			v, ok := m.value(a, i)
			if !ok {
				return "", false
			}
			args = append(args, v)
			continue
		}
		var choice strings.Builder
		choice.WriteString("CASE k")
		for k := range 3 {
			v, ok := m.value(a, i)
			if !ok {
				return "", false
			}
			fmt.Fprintf(&choice, " WHEN %d THEN %s", k+1, v)
		}
		args = append(args, choice.String()+" END")
	}
	from := fmt.Sprintf(" FROM generate_series(1, %d) AS g(k)", m.IntN(5))
	switch {
	case f.AggKind != 0:
		direct := min(f.Direct, len(args))
		return fmt.Sprintf("SELECT %s(%s) WITHIN GROUP (ORDER BY %s)%s", name, strings.Join(args[:direct], ", "), strings.Join(args[direct:], ", "), from), true
	case len(args) == 0:
		return fmt.Sprintf("SELECT %s(*)%s", name, from), true
	}
	return fmt.Sprintf("SELECT %s(%s%s%s)%s", name, m.pick("", "", "", "DISTINCT "), strings.Join(args, ", "), m.pick("", "", " ORDER BY k", " ORDER BY k DESC"), from), true
}

// operation is a statement with an operator.
func (m *callMaker) operation(o *catalog.Operator) (string, bool) {
	right, ok := m.value(o.Right, -1)
	left := ""
	if o.Left != 0 && ok {
		left, ok = m.value(o.Left, -1)
	}
	if strings.HasPrefix(right, "-") {
		right = "(" + right + ")"
	}
	return fmt.Sprintf("SELECT %s OPERATOR(pg_catalog.%s) %s", left, o.Name, right), ok
}
