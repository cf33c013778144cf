package function

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Functions that return sets. Examples list the rows in order.

// values is a set that was computed at once.
type values struct {
	rows []types.Value
	at   int
}

func (s *values) Next(out []vec.Vec, limit int) (int, error) {
	n := min(limit, len(s.rows)-s.at)
	for _, v := range s.rows[s.at : s.at+n] {
		vec.Append(out[0], v)
	}
	s.at += n
	return n, nil
}

// texts is a set of strings that was computed at once.
type texts struct {
	rows []string
	at   int
}

func (s *texts) Next(out []vec.Vec, limit int) (int, error) {
	n := min(limit, len(s.rows)-s.at)
	for _, t := range s.rows[s.at : s.at+n] {
		vec.Append(out[0], types.NewText(t))
	}
	s.at += n
	return n, nil
}

// setOf adapts a function that computes all rows.
func setOf(f func(env *Env, args []types.Value) ([]types.Value, error)) SetFunc {
	return func(env *Env, args []types.Value) (Set, error) {
		rows, err := f(env, args)
		if err != nil {
			return nil, err
		}
		return &values{rows: rows}, nil
	}
}

func init() {
	type vs = []types.Value
	def := func(sig string, f SetFunc, ex ...string) *Definition {
		return define(sig, Definition{Set: f, Examples: examples(ex...)})
	}
	for _, t := range []string{"int4", "int8"} {
		f := intSeries[int32]()
		if t == "int8" {
			f = intSeries[int64]()
		}
		def("generate_series("+t+", "+t+") setof "+t+" strict immutable", f, "generate_series(2::"+t+", 4::"+t+")", "2, 3, 4", "generate_series(3::"+t+", 1::"+t+")", "")
		def("generate_series("+t+", "+t+", "+t+") setof "+t+" strict immutable", f, "generate_series(5::"+t+", 1::"+t+", (-2)::"+t+")", "5, 3, 1", "generate_series(1::"+t+", 2::"+t+", 0::"+t+")", "ERROR 22023")
	}
	def("generate_series(numeric, numeric) setof numeric strict immutable", numericSeries, "generate_series(1.5, 3.2)", "1.5, 2.5")
	def("generate_series(numeric, numeric, numeric) setof numeric strict immutable", numericSeries, "generate_series(1, 2, 0.5)", "1, 1.5, 2.0", "generate_series(1, 2, 0.0)", "ERROR 22023")
	def("generate_series(timestamp, timestamp, interval) setof timestamp strict immutable", func(_ *Env, a vs) (Set, error) {
		return newTimeSeries(a, func(m int64) (int64, error) { return addToTimestamp(m, a[2].Span) })
	}, "generate_series(timestamp '2024-01-31', timestamp '2024-03-31', interval '1 month')", "2024-01-31 00:00:00, 2024-02-29 00:00:00, 2024-03-29 00:00:00")
	def("generate_series(timestamptz, timestamptz, interval) setof timestamptz strict stable", func(env *Env, a vs) (Set, error) {
		return newTimeSeries(a, func(m int64) (int64, error) { return addToInstant(m, a[2].Span, env.Format) })
	}, "generate_series(timestamptz '2024-02-28+00', timestamptz '2024-03-01+00', interval '1 day')", "2024-02-28 00:00:00+00, 2024-02-29 00:00:00+00, 2024-03-01 00:00:00+00")
	def("unnest(anyarray) setof anyelement strict immutable", setOf(func(_ *Env, a vs) ([]types.Value, error) { return a[0].A.Elems, nil }),
		"unnest(ARRAY[[1, 2], [3, NULL]])", "1, 2, 3, NULL")
	def("unnest(anymultirange) setof anyrange strict immutable", setOf(func(_ *Env, a vs) ([]types.Value, error) {
		var rows []types.Value
		for _, r := range types.RangesOf(a[0]) {
			v, err := types.NewRange(types.RangeOfMulti(a[0].Type.OID), r)
			if err != nil {
				return nil, err
			}
			rows = append(rows, v)
		}
		return rows, nil
	}), "unnest('{[1,3),[5,7)}'::int4multirange)", "[1,3), [5,7)", "unnest('{}'::int4multirange)", "")
	def("generate_subscripts(anyarray, int4) setof int4 strict immutable", subscripts, "generate_subscripts('[0:2]={1,2,3}'::int[], 1)", "0, 1, 2", "generate_subscripts(ARRAY[1], 2)", "")
	def("generate_subscripts(anyarray, int4, bool) setof int4 strict immutable", subscripts, "generate_subscripts(ARRAY[5, 6], 1, true)", "2, 1")
	def("regexp_split_to_table(text, text) setof text strict immutable", func(env *Env, a vs) (Set, error) {
		parts, err := regexSplit(env, a[0].S, a[1].S, "", "regexp_split_to_table")
		return &texts{rows: parts}, err
	}, `regexp_split_to_table('hello world', '\s+')`, "hello, world")
	def("regexp_matches(text, text) setof _text strict immutable", setOf(func(env *Env, a vs) ([]types.Value, error) { return regexMatches(env, a, "") }),
		"regexp_matches('foobarbequebaz', 'ba(.)')", "{r}")
	def("regexp_matches(text, text, text) setof _text strict immutable", setOf(func(env *Env, a vs) ([]types.Value, error) { return regexMatches(env, a, a[2].S) }),
		"regexp_matches('foobarbequebaz', 'ba(.)', 'g')", "{r}, {z}")
	def("string_to_table(text, text) setof text immutable", func(_ *Env, a vs) (Set, error) {
		return newSplitter(a[0], a[1], types.Value{Null: true}), nil
	}, "string_to_table('a,b', ',')", "a, b")
	for _, t := range []string{"json", "jsonb"} {
		oid := types.JSON
		if t == "jsonb" {
			oid = types.JSONB
		}
		def(t+"_array_elements("+t+") setof "+t+" strict immutable", func(_ *Env, a vs) (Set, error) {
			return jsonElements(a[0].S, func(v string) (types.Value, error) { return types.NewString(oid, v), nil })
		}, t+"_array_elements('[1, {\"a\": 2}]'::"+t+")", `1, {"a": 2}`, t+"_array_elements('{}'::"+t+")", "ERROR 22023").Func.Column = "value"
		def(t+"_array_elements_text("+t+") setof text strict immutable", func(_ *Env, a vs) (Set, error) {
			return jsonElements(a[0].S, func(v string) (types.Value, error) { return jsonText(v, true) })
		}, t+`_array_elements_text('["a", null]'::`+t+")", "a, NULL").Func.Column = "value"
		def(t+"_object_keys("+t+") setof text strict immutable", setOf(func(env *Env, a vs) ([]types.Value, error) {
			if jsonKind(a[0].S) != '{' {
				return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot call %s_object_keys on %s", t, notObject(a[0].S))
			}
			var keys []types.Value
			var err error
			count := items{env: env, size: valueBytes}
			eachMember(a[0].S, func(k, _ string) bool {
				keys = append(keys, types.NewText(unquoteJSON(k)))
				err = count.more()
				return err == nil
			})
			return keys, err
		}), t+`_object_keys('{"a": 1, "b": 2}'::`+t+")", "a, b", t+"_object_keys('[]'::"+t+")", "ERROR 22023")
	}
}

func notObject(s string) string {
	if jsonKind(s) == '[' {
		return "an array"
	}
	return "a scalar"
}

// jsonElements is the set of what value makes of the elements of an array.
func jsonElements(s string, value func(string) (types.Value, error)) (Set, error) {
	switch jsonKind(s) {
	case '[':
	case '{':
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot extract elements from an object")
	default:
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "cannot extract elements from a scalar")
	}
	return &elements{json: s, at: skipSpace(s, 0) + 1, value: value}, nil
}

func regexMatches(env *Env, a []types.Value, flags string) ([]types.Value, error) {
	re, o, err := regexOf(a[1].S, flags, "")
	if err != nil {
		return nil, err
	}
	var rows []types.Value
	var many error
	count := items{env: env, size: int64(2+re.Groups()) * valueBytes}
	err = eachMatch(env, re, a[0].S, 0, func(m []int) bool {
		rows = append(rows, groupsOf(a[0].S, m))
		many = count.more()
		return o.global && many == nil
	})
	if err == nil {
		err = many
	}
	return rows, err
}

func subscripts(_ *Env, a []types.Value) (Set, error) {
	n := a[1].I
	if n < 1 || n > int64(len(a[0].A.Dims)) {
		return &values{}, nil
	}
	d := a[0].A.Dims[n-1]
	s := &series[int32]{next: int64(d.Lower), stop: int64(d.Lower + d.Len - 1), step: 1}
	if len(a) > 2 && a[2].Bool() {
		s.next, s.stop, s.step = s.stop, s.next, -1
	}
	return s, nil
}

// series counts integers; it writes them without a Value each.
type series[T int32 | int64] struct {
	next, stop, step int64
	done             bool
}

func intSeries[T int32 | int64]() SetFunc {
	return func(_ *Env, a []types.Value) (Set, error) {
		s := &series[T]{next: a[0].I, stop: a[1].I, step: 1}
		if len(a) > 2 {
			s.step = a[2].I
		}
		if s.step == 0 {
			return nil, stepIsZero()
		}
		return s, nil
	}
}

func stepIsZero() error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "step size cannot equal zero")
}

func (s *series[T]) Next(out []vec.Vec, limit int) (int, error) {
	col := out[0].(*vec.Fixed[T])
	n := 0
	for n < limit && !s.done && (s.step > 0 && s.next <= s.stop || s.step < 0 && s.next >= s.stop) {
		col.Append(T(s.next))
		n++
		after := s.next + s.step
		s.done = (after > s.next) != (s.step > 0)
		s.next = after
	}
	return n, nil
}

func numericSeries(_ *Env, a []types.Value) (Set, error) {
	step := types.DecimalFromInt64(1)
	if len(a) > 2 {
		step = a[2].N
	}
	for i, v := range []types.Decimal{a[0].N, a[1].N, step} {
		if !v.IsFinite() {
			what := [...]string{"start value", "stop value", "step size"}[i]
			kind := "infinity"
			if v.IsNaN() {
				kind = "NaN"
			}
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s cannot be %s", what, kind)
		}
	}
	if step.Sign() == 0 {
		return nil, stepIsZero()
	}
	return &decimalSeries{next: a[0].N, stop: a[1].N, step: step}, nil
}

type decimalSeries struct{ next, stop, step types.Decimal }

func (s *decimalSeries) Next(out []vec.Vec, limit int) (int, error) {
	n := 0
	for ; n < limit && s.next.Compare(s.stop)*s.step.Sign() <= 0; n++ {
		out[0].(*vec.Numeric).Append(s.next)
		after, err := s.next.Add(s.step)
		if err != nil {
			return n, err
		}
		s.next = after
	}
	return n, nil
}

// timeSeries steps through timestamps; a step back runs down.
type timeSeries struct {
	next, stop int64
	back       bool
	step       func(int64) (int64, error)
}

func newTimeSeries(a []types.Value, step func(int64) (int64, error)) (Set, error) {
	switch order := vec.CompareInterval(a[2].Span, types.IntervalValue{}); {
	case order == 0:
		return nil, stepIsZero()
	default:
		return &timeSeries{next: a[0].I, stop: a[1].I, back: order < 0, step: step}, nil
	}
}

func (s *timeSeries) Next(out []vec.Vec, limit int) (int, error) {
	n := 0
	for ; n < limit && (!s.back && s.next <= s.stop || s.back && s.next >= s.stop); n++ {
		out[0].(*vec.Fixed[int64]).Append(s.next)
		after, err := s.step(s.next)
		if err != nil {
			return n, err
		}
		s.next = after
	}
	return n, nil
}
