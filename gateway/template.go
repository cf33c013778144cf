package gateway

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// A template is the plan of Query strings that differ in their integer literals
// alone, as those do which a program writes about one row after the other. The
// literals become parameters; a string is taken apart by a small lexer that leaves
// alone what it does not know. The first string of its kind is planned as every
// other; the second is planned besides with parameters, and where that comes out
// the same, and is a statement that is kept compiled, it serves those that follow.
type template struct {
	plan    *cachedPlan // nil: one string of the kind has come, or it is not to be had
	negated []bool
	never   bool
}

// maxIntegers is how many literals a string may have that a template serves.
const maxIntegers = 64

// templates are a session's.
type templates struct {
	all    map[string]*template
	key    []byte
	ints   []parse.Integer
	params []types.Value
}

// read takes a text apart: the key, in which each literal is a zero byte, and the
// literals. false: there are none, or it has what the lexer does not know.
func (t *templates) read(text []byte) bool {
	if len(text) > maxCachedText {
		return false
	}
	t.key, t.ints = t.key[:0], t.ints[:0]
	from := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == 0 || c == '$' || c == '"' || c == '\\' || c == '#' || c == ';' && i != len(text)-1:
			return false
		case (c == '-' || c == '/') && i+1 < len(text) && (text[i+1] == '-' || text[i+1] == '*'):
			return false
		case c == '\'':
			// The rest of a string, in which a doubled quote begins another.
			for i++; i < len(text) && text[i] != '\''; i++ {
				if text[i] == '\\' {
					return false
				}
			}
			i++
		case isDigit(c):
			start := i
			value := int64(0)
			for i < len(text) && isDigit(text[i]) {
				value = min(value*10+int64(text[i]-'0'), 1<<40)
				i++
			}
			if i < len(text) && (text[i] == '.' || isWord(text[i])) || start > 0 && text[start-1] == '.' || value > 1<<31-1 {
				for i < len(text) && (text[i] == '.' || isWord(text[i])) {
					i++
				}
				continue // of another type: part of the key
			}
			if len(t.ints) == maxIntegers {
				return false
			}
			t.key = append(append(t.key, text[from:start]...), 0)
			t.ints = append(t.ints, parse.Integer{At: start, Value: int32(value)})
			from = i
		case isWord(c):
			for i < len(text) && isWord(text[i]) {
				i++
			}
		default:
			i++
		}
	}
	t.key = append(t.key, text[from:]...)
	return len(t.ints) > 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// templated returns the plan of a text's kind and its parameters, nil where there
// is none or it is stale. The parameters are good until the next text is read.
func (x *session) templated(text []byte) (*cachedPlan, []types.Value) {
	t := &x.templates
	if x.txn.failed || !t.read(text) {
		return nil, nil
	}
	k := t.all[string(t.key)]
	if k == nil || k.plan == nil {
		return nil, nil
	}
	if k.plan.values != x.settings.current || k.plan.snapshot != x.begin().Snapshot() {
		delete(t.all, string(t.key))
		return nil, nil
	}
	t.params = t.params[:0]
	for i, lit := range t.ints {
		v := types.Value{Type: types.Of(types.Int4), I: int64(lit.Value)}
		if k.negated[i] {
			v.I = -v.I
		}
		t.params = append(t.params, v)
	}
	x.activity.query(x, string(text))
	return k.plan, t.params
}

// noteTemplate notes a text of one statement that was planned: of the second of its
// kind it makes a template.
func (x *session) noteTemplate(ctx context.Context, query string, b *plan.Bound) {
	t := &x.templates
	if !keepable(b.Statement) || len(b.Notices) > 0 || x.txn.engine == nil || dependsOnTime(query) || !t.read([]byte(query)) {
		return
	}
	k := t.all[string(t.key)]
	switch {
	case k == nil:
		if t.all == nil || len(t.all) >= maxCachedPlans {
			t.all = map[string]*template{}
		}
		t.all[string(t.key)] = &template{never: !exec.Keeps(b.Statement)}
		return
	case k.never || k.plan != nil:
		return
	}
	k.never = true
	// Not by the planner, which may keep the tree: this one is changed.
	statements, err := parse.Parse(query)
	if err != nil || len(statements) != 1 {
		return
	}
	negated, ok := statements[0].ParamIntegers(t.ints)
	if !ok {
		return
	}
	params := make([]types.OID, len(t.ints))
	for i := range params {
		params[i] = types.Int4
	}
	with, err := x.plan(ctx, statements[0], params)
	if err != nil || !exec.Keeps(with.Statement) || len(with.Params) != len(params) || len(with.Notices) > 0 {
		return
	}
	if !slices.EqualFunc(with.Fields, b.Fields, func(a, b plan.Field) bool { return a.Name == b.Name && a.Type == b.Type }) {
		return
	}
	k.negated, k.never = negated, false
	k.plan = &cachedPlan{text: query, statement: statements[0], bound: with, snapshot: x.txn.engine.Snapshot(), values: x.settings.current}
}
