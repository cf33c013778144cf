package function

import "github.com/ferrisstreams/ferrisstreams/catalog/types"

// OVERLAPS of two spans of time, each given by its two ends, or by one and a
// length.

func init() {
	type vs = []types.Value
	for _, f := range []struct {
		typ, literal, volatility string
		add                      func(env *Env, start, length types.Value) (types.Value, error)
	}{
		{"timestamp", "timestamp '2024-01-%s'", "immutable", func(_ *Env, start, length types.Value) (types.Value, error) {
			return timestamp(addToTimestamp(start.I, length.Span))
		}},
		{"timestamptz", "timestamptz '2024-01-%s+00'", "stable", func(env *Env, start, length types.Value) (types.Value, error) {
			return timestamptz(addToInstant(start.I, length.Span, env.Format))
		}},
		{"time", "time '%s:00'", "immutable", func(_ *Env, start, length types.Value) (types.Value, error) {
			m := (start.I + length.Span.Micros) % microsPerDay
			if m < 0 {
				m += microsPerDay
			}
			return types.NewInt(types.Time, m), nil
		}},
	} {
		at := func(day string) string {
			return f.literal[:len(f.literal)-len(suffixOf(f.literal))] + day + suffixOf(f.literal)[2:]
		}
		for _, kinds := range [][2]string{{f.typ, f.typ}, {f.typ, "interval"}, {"interval", f.typ}, {"interval", "interval"}} {
			end := func(kind, day string) string {
				if kind == "interval" {
					return "interval '1 hour'"
				}
				return at(day)
			}
			call := func(a, b, c, d string) string {
				return `"overlaps"(` + at(a) + ", " + end(kinds[0], b) + ", " + at(c) + ", " + end(kinds[1], d) + ")"
			}
			define("overlaps("+f.typ+", "+kinds[0]+", "+f.typ+", "+kinds[1]+") bool "+f.volatility, Definition{
				Value: func(env *Env, a vs) (types.Value, error) {
					ends := [2]types.Value{a[1], a[3]}
					for i, kind := range kinds {
						if start := a[2*i]; kind == "interval" {
							var err error
							if ends[i] = types.NullOf(start.Type); start.Null || a[2*i+1].Null {
								continue
							}
							if ends[i], err = f.add(env, start, a[2*i+1]); err != nil {
								return types.Value{}, err
							}
						}
					}
					return overlaps(a[0], ends[0], a[2], ends[1])
				},
				Examples: examples(call("01", "03", "01", "04"), "t", call("05", "03", "12", "14"), "f")})
		}
	}
	d := Lookup("overlaps", types.Time, types.Time, types.Time, types.Time)
	d.Examples = append(d.Examples, examples(`"overlaps"(time '10:00', NULL::time, time '09:00', time '11:00')`, "t", `"overlaps"(time '10:00', NULL::time, time '10:00', NULL::time)`, "NULL", `"overlaps"(time '10:00', time '10:00', time '10:00', time '11:00')`, "t",
		`"overlaps"(time '10:00', time '11:00', time '11:00', time '12:00')`, "f", `"overlaps"(NULL::time, NULL::time, time '10:00', time '11:00')`, "NULL", `"overlaps"(time '10:00', NULL::time, time '11:00', time '12:00')`, "NULL")...)
}

// suffixOf is a literal from its %s on.
func suffixOf(literal string) string {
	for i := range literal {
		if literal[i] == '%' {
			return literal[i:]
		}
	}
	return "%s"
}

// overlaps follows the SQL standard: the ends of a span come in either order, a
// span of length 0 is a point, and a NULL end leaves what the other says.
func overlaps(s1, e1, s2, e2 types.Value) (types.Value, error) {
	if !order(&s1, &e1) || !order(&s2, &e2) {
		return null(types.Bool)
	}
	if s1.I > s2.I {
		s1, e1, s2, e2 = s2, e2, s1, e1
	}
	switch {
	case s1.I == s2.I && (e1.Null || e2.Null):
		return null(types.Bool)
	case s1.I == s2.I:
		return boolean(true)
	case e1.Null:
		return null(types.Bool)
	case s2.I < e1.I:
		return boolean(true)
	case e2.Null:
		return null(types.Bool)
	}
	return boolean(false)
}

// order puts the lesser end first, and one that is not NULL; false where both
// are NULL.
func order(start, end *types.Value) bool {
	if start.Null {
		*start, *end = *end, *start
	} else if !end.Null && start.I > end.I {
		*start, *end = *end, *start
	}
	return !start.Null
}
