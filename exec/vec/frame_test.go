package vec

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

var frameTypes = []types.OID{types.Bool, types.Int2, types.Int4, types.Int8, types.Oid, types.Float4, types.Float8, types.Numeric, types.Text,
	types.Interval, types.UUID, types.JSONB, types.Lookup(types.Int4).Array, types.Lookup(types.Text).Array, types.Lookup(types.Numeric).Array}

// frameValue is a random value of a type, written as PostgreSQL writes it.
func frameValue(rng *rand.Rand, t types.Type) types.Value {
	if rng.IntN(5) == 0 {
		return types.NullOf(t)
	}
	var choices []string
	switch t.OID {
	case types.Bool:
		choices = []string{"t", "f"}
	case types.Numeric:
		choices = []string{"0", "1.50", "-3", "99999999999999999999999999", "NaN", "-Infinity", "1234567890123456789012345678901234567890123456.789"}
	case types.Text:
		choices = []string{"", "a", "a somewhat longer text"}
	case types.Interval:
		choices = []string{"1 year", "-3 days", "00:00:01"}
	case types.UUID:
		choices = []string{"00000000-0000-0000-0000-000000000001"}
	case types.JSONB:
		choices = []string{"{}", `{"a": [1, 2]}`}
	case types.Lookup(types.Text).Array:
		choices = []string{"{}", "{a,NULL}", "{{a,b},{c,d}}", "[0:1]={x,y}"}
	case types.Lookup(types.Int4).Array, types.Lookup(types.Numeric).Array:
		choices = []string{"{}", "{1,NULL,3}", "{{1},{2}}"}
	default:
		choices = []string{"0", "1", "17", "100"}
	}
	v, err := types.Parse(t, choices[rng.IntN(len(choices))], types.DefaultFormat())
	if err != nil {
		panic(err)
	}
	return v
}

// TestFrame writes random batches and reads them into one batch, one after the
// other: what was there before leaves no trace.
func TestFrame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var ts []types.Type
	for _, oid := range frameTypes {
		ts = append(ts, types.Of(oid))
	}
	got := NewBatch(ts)
	for turn := range 200 {
		want := NewBatch(ts)
		for range rng.IntN(40) {
			for i, typ := range ts {
				Append(want.Cols[i], frameValue(rng, typ))
			}
			if turn%3 == 0 {
				want.Ops = append(want.Ops, Op(rng.IntN(2)))
			}
			want.Rows++
		}
		frame := AppendFrame([]byte("before"), want)
		if err := ReadFrame(frame[len("before"):], got); err != nil {
			t.Fatal(err)
		}
		if w, g := frameText(want, ts), frameText(got, ts); w != g {
			t.Fatalf("turn %d: read\n%s\nwant\n%s", turn, g, w)
		}
		// What was read is written and read again the same.
		if again := AppendFrame(nil, got); string(again) != string(AppendFrame(nil, want)) {
			t.Fatalf("turn %d: a frame of what was read is another", turn)
		}
		if n := len(frame); n > 20 {
			if err := ReadFrame(frame[len("before"):n-1], got); err == nil {
				t.Fatal("a frame that is cut short was read")
			}
		}
	}
}

func frameText(b *Batch, ts []types.Type) string {
	text := ""
	for r := range b.Rows {
		text += fmt.Sprint(b.Op(r))
		for i, c := range b.Cols {
			v := Get(c, r, ts[i])
			if v.Null {
				text += " NULL"
				continue
			}
			text += " " + string(types.AppendText(nil, v, types.DefaultFormat()))
		}
		text += "\n"
	}
	return text
}

func BenchmarkFrame(b *testing.B) {
	ts := []types.Type{types.Of(types.Int8), types.Of(types.Numeric), types.Of(types.Text), types.Of(types.Timestamptz)}
	rows := NewBatch(ts)
	for i := range MaxRows {
		Append(rows.Cols[0], types.NewInt(types.Int8, int64(i)))
		rows.Cols[1].(*Numeric).AppendInt64(int64(i)*17, 2)
		Append(rows.Cols[2], types.NewText(fmt.Sprint("customer ", i)))
		Append(rows.Cols[3], types.NewInt(types.Timestamptz, int64(i)))
		rows.Rows++
	}
	frame := AppendFrame(nil, rows)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			frame = AppendFrame(frame[:0], rows)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		to := NewBatch(ts)
		for b.Loop() {
			if err := ReadFrame(frame, to); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/row")
	})
}
