package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func init() {
	for _, f := range []struct {
		name, word string
		of         func(x, y bool) bool
		want       string
	}{
		{"bit_and", "AND", func(x, y bool) bool { return x && y }, "1000"},
		{"bit_or", "OR", func(x, y bool) bool { return x || y }, "1110"},
		{"bit_xor", "XOR", func(x, y bool) bool { return x != y }, "0110"},
	} {
		define(f.name+"(bit) bit", func(c plan.AggCall, _ *function.Env, retracts bool) (Aggregate, error) {
			if retracts {
				return nil, refuseRetracting(c)
			}
			return &bitStrings{word: f.word, of: f.of}, nil
		}, example("(SELECT "+f.name+"(x) FROM (VALUES (B'1100'), (NULL), (B'1010')) AS v(x))", f.want),
			example("(SELECT "+f.name+"(x) FROM (VALUES (B'1'), (B'10')) AS v(x))", "ERROR 22026"))
	}
}

// bitStrings combines bit strings of one length, which are digits.
type bitStrings struct {
	word string
	of   func(x, y bool) bool
	bits [][]byte
	held int64
}

func (a *bitStrings) Grow(n int) { a.bits = grown(a.bits, n) }

func (a *bitStrings) Add(groups []int32, args []vec.Vec, sel []int32, ops []vec.Op) error {
	v := vec.Flat(args[0]).(*vec.Bytes)
	var failed error
	each(groups, v, sel, ops, func(row int, g int32, _ int64) {
		x, bits := v.At(row), a.bits[g]
		switch {
		case bits == nil:
			a.bits[g] = append(make([]byte, 0, len(x)+1), x...)
			a.held += int64(len(x))
			return
		case len(bits) != len(x):
			failed = sqlerr.Errorf(sqlerr.StringDataLengthMismatch, "cannot %s bit strings of different sizes", a.word)
			return
		}
		for i := range bits {
			one := a.of(bits[i] == '1', x[i] == '1')
			bits[i] = '0'
			if one {
				bits[i] = '1'
			}
		}
	})
	return failed
}

func (a *bitStrings) Result(groups []int32, dst vec.Vec) error {
	out := dst.(*vec.Bytes)
	for _, g := range groups {
		if a.bits[g] == nil {
			out.AppendNull()
		} else {
			out.Append(a.bits[g])
		}
	}
	return nil
}

func (a *bitStrings) Bytes() int64 { return int64(cap(a.bits))*24 + a.held }
