package operator

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// chain passes the rows of the first operator, which holds nothing, to the second.
type chain struct {
	Operator
	first Operator
}

func (c chain) Process(ctx context.Context, input int, b *vec.Batch, out Output) error {
	return c.first.Process(ctx, input, b, chainOutput{c.Operator, out})
}

type chainOutput struct {
	op  Operator
	out Output
}

func (o chainOutput) Emit(ctx context.Context, b *vec.Batch) error {
	return o.op.Process(ctx, 0, b, o.out)
}

// cube counts and sums the rows of two columns by every subset of them.
func cube(changes bool) Operator {
	text, number := types.Of(types.Text), types.Of(types.Int8)
	keys := []types.Type{text, number, types.Of(types.Int4)}
	sets := [][]int{{0, 1}, {0}, {1}, {}}
	in := binder{[]types.Type{text, number}}
	grouped := binder{append([]types.Type{text, number}, keys...)}
	always := vec.NewBatch(keys)
	for i, v := range []types.Value{types.NullOf(text), types.NullOf(number), types.NewInt(types.Int4, 4)} {
		vec.Append(always.Cols[i], v)
	}
	always.Rows = 1
	return chain{
		first: NewGroupingSets(programs(in, []string{"$0", "$1"}), keys[:2], sets, nil),
		Operator: NewAggregate(AggregateSpec{
			Keys: programs(grouped, []string{"$2", "$3", "$4"}), KeyTypes: keys, Always: always, Changes: changes,
			Calls: []*Call{testCall(grouped, "count(*)", nil), testCall(grouped, "sum($1)", nil)},
		}),
	}
}

// TestGroupingSets plays rows and deletes in every shape; the groups of one
// epoch come in no order.
func TestGroupingSets(t *testing.T) {
	ins := [][]types.Type{{types.Of(types.Text), types.Of(types.Int8)}}
	out := []types.Type{types.Of(types.Text), types.Of(types.Int8), types.Of(types.Int4), types.Of(types.Int8), types.Of(types.Numeric)}
	for _, test := range []struct {
		name, events, want string
		changes            bool
	}{
		{"no row", "end", "+ NULL NULL 4 0 NULL\nend", false},
		{"no row, changes", "barrier\nbarrier\nend", "+ NULL NULL 4 0 NULL\nbarrier\nbarrier\nend", true},
		{"groups at the end", "+ a 1\n+ NULL 1\n+ a 2\n- a 2\nend",
			"+ NULL 1 1 1 1\n+ NULL 1 3 2 2\n+ NULL NULL 2 1 1\n+ NULL NULL 4 2 2\n+ a 1 1 1 1\n+ a NULL 2 1 1\nend", false},
		{"changes", "+ a 1\nbarrier\n+ a 2\nbarrier\n- a 1\n- a 2\nbarrier\nend", strings.Join([]string{
			"+ NULL 1 3 1 1\n+ NULL NULL 4 1 1\n+ a 1 1 1 1\n+ a NULL 2 1 1\nbarrier",
			"+ NULL 2 3 1 2\n+ NULL NULL 4 2 3\n+ a 2 1 1 2\n+ a NULL 2 2 3\n- NULL NULL 4 1 1\n- a NULL 2 1 1\nbarrier",
			"+ NULL NULL 4 0 NULL\n- NULL 1 3 1 1\n- NULL 2 3 1 2\n- NULL NULL 4 2 3\n- a 1 1 1 1\n- a 2 1 1 2\n- a NULL 2 2 3\nbarrier\nend",
		}, "\n"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, s := range shapes {
				lines := play(t, cube(test.changes), ins, out, readEvents(test.events, ins), s)
				if got := strings.Join(sortEpochs(lines), "\n"); got != test.want {
					t.Errorf("%v: got\n%s\nwant\n%s", s, got, test.want)
				}
			}
		})
	}
}

// sortEpochs sorts the lines between barriers.
func sortEpochs(lines []string) []string {
	from := 0
	for i, l := range lines {
		if l == "barrier" || l == "end" {
			slices.Sort(lines[from:i])
			from = i + 1
		}
	}
	return lines
}
