package operator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/expr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// event is one step of a run: a row of an input, a barrier, or an input's end.
type event struct {
	kind   eventKind
	input  int
	op     vec.Op
	values []types.Value
	at     int64 // of a watermark
}

type eventKind uint8

const (
	eventRow eventKind = iota
	eventBarrier
	eventEnd
	eventWatermark
)

// shape is how a harness cuts the same rows into batches.
type shape struct {
	size int  // rows per batch
	junk bool // rows that are not selected lie between the others
	seed uint64
}

var shapes = []shape{{size: 1024}, {size: 1}, {size: 2, junk: true, seed: 1}, {size: 3}, {size: 7, junk: true, seed: 2}, {size: 64, junk: true, seed: 3}}

func (s shape) String() string { return fmt.Sprintf("size %d, junk %v", s.size, s.junk) }

// script collects what an operator emits, as text, one line a row.
type script struct {
	types []types.Type
	lines []string
	rows  int
}

func (s *script) Emit(_ context.Context, b *vec.Batch) error {
	if len(b.Cols) != len(s.types) {
		return fmt.Errorf("emitted %d columns, want %d", len(b.Cols), len(s.types))
	}
	for i, c := range b.Cols {
		if c.Len() != b.Rows {
			return fmt.Errorf("column %d has %d rows, the batch %d", i, c.Len(), b.Rows)
		}
	}
	last := int32(-1)
	return rows(b, func(r int32) error {
		if r <= last || int(r) >= b.Rows {
			return fmt.Errorf("row %d after row %d of %d", r, last, b.Rows)
		}
		last = r
		s.rows++
		s.lines = append(s.lines, rowText(b, int(r), s.types))
		return nil
	})
}

func rowText(b *vec.Batch, r int, ts []types.Type) string {
	line := "+"
	if b.Op(r) == vec.Delete {
		line = "-"
	}
	for i, c := range b.Cols {
		line += " " + valueText(vec.Get(c, r, ts[i]))
	}
	return line
}

func valueText(v types.Value) string {
	if v.Null {
		return "NULL"
	}
	return string(types.AppendText(nil, v, types.DefaultFormat()))
}

// play sends events to an operator in batches of a shape and returns what it
// emitted, with a line for each barrier. An operator that wants no more rows of
// an input gets none.
func play(t *testing.T, op Operator, ins [][]types.Type, out []types.Type, events []event, s shape) []string {
	t.Helper()
	lines, err := tryPlay(op, ins, out, events, s)
	if err != nil {
		t.Fatalf("%v: %v", s, err)
	}
	return lines
}

func tryPlay(op Operator, ins [][]types.Type, out []types.Type, events []event, s shape) ([]string, error) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(s.seed, 17))
	sink := &script{types: out}
	full := map[int]bool{}
	var pending []event
	flush := func() error {
		if len(pending) == 0 || full[pending[0].input] {
			pending = nil
			return nil
		}
		b := makeBatch(ins[pending[0].input], pending, s.junk, rng)
		err := op.Process(ctx, pending[0].input, b, sink)
		scramble(b, ins[pending[0].input]) // a batch is lent: nothing may keep it
		if errors.Is(err, stream.Done) {
			full[pending[0].input] = true
			err = nil
		}
		pending = nil
		return err
	}
	var epoch stream.Epoch
	for _, e := range events {
		if e.kind != eventRow || len(pending) > 0 && (pending[0].input != e.input || len(pending) == s.size) {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		var err error
		switch e.kind {
		case eventRow:
			pending = append(pending, e)
		case eventBarrier:
			epoch++
			err = op.Barrier(ctx, epoch, sink)
			sink.lines = append(sink.lines, "barrier")
		case eventEnd:
			err = op.Finish(ctx, e.input, sink)
			sink.lines = append(sink.lines, "end")
		case eventWatermark:
			err = op.Watermark(ctx, e.at, sink)
			sink.lines = append(sink.lines, "watermark")
		}
		if err != nil && !errors.Is(err, stream.Done) {
			return nil, err
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	if err := op.Close(); err != nil {
		return nil, err
	}
	return sink.lines, op.Close()
}

// makeBatch makes a batch of the rows; with junk, rows that are not selected lie
// between them, with values of their own and NULLs.
func makeBatch(ts []types.Type, part []event, junk bool, rng *rand.Rand) *vec.Batch {
	b := vec.NewBatch(ts)
	add := func(values []types.Value, op vec.Op) {
		for i, v := range values {
			vec.Append(b.Cols[i], v)
		}
		if op == vec.Delete && b.Ops == nil {
			b.Ops = make([]vec.Op, b.Rows)
		}
		if b.Ops != nil {
			b.Ops = append(b.Ops, op)
		}
		b.Rows++
	}
	if !junk {
		for _, e := range part {
			add(e.values, e.op)
		}
		return b
	}
	b.Sel = []int32{}
	for _, e := range part {
		for rng.IntN(3) == 0 {
			noise := make([]types.Value, len(ts))
			for i, typ := range ts {
				noise[i] = part[rng.IntN(len(part))].values[i]
				if rng.IntN(2) == 0 {
					noise[i] = types.NullOf(typ)
				}
			}
			add(noise, vec.Op(rng.IntN(2)))
		}
		b.Sel = append(b.Sel, int32(b.Rows))
		add(e.values, e.op)
	}
	return b
}

// scramble overwrites a batch that an operator has given back.
func scramble(b *vec.Batch, ts []types.Type) {
	n := b.Rows
	b.Reset()
	for range n {
		for i, c := range b.Cols {
			vec.Append(c, types.NullOf(ts[i]))
		}
	}
	clear(b.Ops)
}

// sortedLines puts the rows between two barriers, ends or watermarks in order, for an
// operator whose rows come in none.
func sortedLines(lines []string) []string {
	from := 0
	for i, line := range append(lines, "end") {
		if line == "barrier" || line == "end" || line == "watermark" {
			slices.Sort(lines[from:i])
			from = i + 1
		}
	}
	return lines
}

// playSorted is playShapes for an operator whose rows come in no order.
func playSorted(t *testing.T, make func() Operator, ins [][]types.Type, out []types.Type, events []event) []string {
	t.Helper()
	var first []string
	for i, s := range shapes {
		got := sortedLines(play(t, make(), ins, out, events, s))
		if i == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Fatalf("%v gives\n%s\nand %v\n%s", s, strings.Join(got, "\n"), shapes[0], strings.Join(first, "\n"))
		}
	}
	return first
}

// playShapes plays events in every shape and requires the same answer of each.
func playShapes(t *testing.T, make func() Operator, ins [][]types.Type, out []types.Type, events []event) []string {
	t.Helper()
	var first []string
	for i, s := range shapes {
		got := play(t, make(), ins, out, events, s)
		if i == 0 {
			first = got
		} else if strings.Join(got, "\n") != strings.Join(first, "\n") {
			t.Fatalf("%v gives\n%s\nand %v\n%s", s, strings.Join(got, "\n"), shapes[0], strings.Join(first, "\n"))
		}
	}
	return first
}

// binder reads the expressions of the tests: $n, literals, prefix calls and
// binary operators, all with spaces between.
type binder struct {
	types []types.Type // of the input's columns
}

var env = &function.Env{Context: context.Background(), Format: types.DefaultFormat()}

func (b binder) program(s string) *expr.Program {
	p, err := expr.Compile(b.expr(s), env)
	if err != nil {
		panic(err)
	}
	return p
}

// expr reads "a op b op c", grouped from the left, "f(a, b)", or an atom.
func (b binder) expr(s string) plan.Expr {
	s = strings.TrimSpace(s)
	if w := strings.Fields(s); len(w) >= 3 {
		last := len(w) - 1
		return b.operator(w[last-1], b.expr(strings.Join(w[:last-1], " ")), b.expr(w[last]))
	}
	if name, rest, ok := strings.Cut(s, "("); ok {
		var args []plan.Expr
		for _, a := range strings.Split(strings.TrimSuffix(rest, ")"), ",") {
			args = append(args, b.expr(a))
		}
		return b.call(name, args)
	}
	return b.atom(s)
}

func (b binder) atom(s string) plan.Expr {
	if n, ok := strings.CutPrefix(s, "$"); ok {
		i := 0
		if _, err := fmt.Sscan(n, &i); err != nil {
			panic(err)
		}
		return &plan.Column{Index: i, Typ: b.types[i], Name: s}
	}
	if text, ok := strings.CutPrefix(s, "'"); ok {
		return &plan.Const{Value: types.NewText(strings.TrimSuffix(text, "'"))}
	}
	return &plan.Const{Value: parse(types.Of(types.Int8), s)}
}

func (b binder) operator(name string, l, r plan.Expr) plan.Expr {
	for _, o := range function.Builtins().Operators {
		if o.Name == name && o.Left == l.Type().OID && o.Right == r.Type().OID {
			return &plan.Call{Func: o.Func, Args: []plan.Expr{l, r}, Typ: types.Of(o.Result), Op: name}
		}
	}
	panic(fmt.Sprintf("no operator %v %s %v", l.Type(), name, r.Type()))
}

func (b binder) call(name string, args []plan.Expr) plan.Expr {
	f := findFunction(name, args)
	return &plan.Call{Func: f, Args: args, Typ: types.Of(f.Ret)}
}

// findFunction finds a function by name and argument types, of which a
// function may take any.
func findFunction(name string, args []plan.Expr) *catalog.Function {
	for _, d := range function.All() {
		f := d.Func
		fits := f.Name == name && len(f.Args) == len(args)
		for i := 0; fits && i < len(args); i++ {
			switch f.Args[i] {
			case args[i].Type().OID, types.Any, types.AnyElement, types.AnyNonArray:
			default:
				fits = false
			}
		}
		if fits {
			return f
		}
	}
	panic(fmt.Sprintf("no function %s of %d arguments", name, len(args)))
}

func parse(t types.Type, s string) types.Value {
	if s == "NULL" {
		return types.NullOf(t)
	}
	v, err := types.Parse(t, s, types.DefaultFormat())
	if err != nil {
		panic(err)
	}
	return v
}

// events reads the lines of a test: "+ a b" and "- a b" are rows of input 0,
// "0 + a" and "1 + a" of the input named, "barrier", "watermark 5", "end" and
// "end 1".
func readEvents(text string, ins [][]types.Type) []event {
	var events []event
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		e := event{}
		switch {
		case w[0] == "barrier":
			e.kind = eventBarrier
		case w[0] == "watermark":
			e.kind = eventWatermark
			if _, err := fmt.Sscan(w[1], &e.at); err != nil {
				panic(err)
			}
		case w[0] == "end":
			e.kind = eventEnd
			if len(w) > 1 {
				e.input = int(w[1][0] - '0')
			}
		default:
			if w[0] == "0" || w[0] == "1" {
				e.input = int(w[0][0] - '0')
				w = w[1:]
			}
			if w[0] == "-" {
				e.op = vec.Delete
			}
			for i, typ := range ins[e.input] {
				e.values = append(e.values, parse(typ, w[1+i]))
			}
		}
		events = append(events, e)
	}
	return events
}
