package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// memoryEngine is an Engine over one table of integers, data, and some queries
// that a test steers: they block, fail or go on for ever. Its transactions are
// real: what they insert is seen by others after Commit alone.
type memoryEngine struct {
	mu         sync.Mutex
	data       []int64
	failCommit error
	snapshot   *catalog.Snapshot
	open       int // cursors

	live    chan int64    // rows of FROM live
	blocked chan struct{} // one value for each FROM blocked that waits
}

func newMemoryEngine() *memoryEngine {
	return &memoryEngine{snapshot: &catalog.Snapshot{}, live: make(chan int64), blocked: make(chan struct{}, 100)}
}

func (e *memoryEngine) Begin() Txn { return &memoryTxn{e: e} }

func (t *memoryTxn) Explain(context.Context, *plan.Explain, *function.Env) ([]string, error) {
	return []string{"Result", "  over nothing"}, nil
}

func (t *memoryTxn) Listed(context.Context, *catalog.Relation) ([]stream.Listed, error) {
	return nil, nil
}

func (t *memoryTxn) Discover(context.Context, []string, string, string, bool) (bool, []*sqlerr.Error, error) {
	return false, nil, nil
}

func (t *memoryTxn) Sequences() function.Sequences { return nil }

func (t *memoryTxn) SetIsolation(string) {}

func (t *memoryTxn) Sees(*catalog.Relation, *catalog.Index) bool { return true }

func (t *memoryTxn) Stale(string, []*catalog.Relation) []*sqlerr.Error { return nil }

func (t *memoryTxn) SetSession(int32, time.Duration) {}

func (t *memoryTxn) Modify(context.Context, *plan.Modification, *function.Env, *exec.Ready) (string, Cursor, error) {
	return "", nil, errors.New("no tables")
}

func (t *memoryTxn) CopyIn(ctx context.Context, _ *plan.CopyFrom, src operator.Leaf, _ *function.Env) (int64, error) {
	before := len(t.pending)
	for {
		b, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return int64(len(t.pending) - before), nil
		}
		if err != nil {
			return 0, err
		}
		for row := range b.Len() {
			t.pending = append(t.pending, b.Cols[0].(*vec.Fixed[int64]).Values[row])
		}
	}
}

func (e *memoryEngine) rows() []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]int64(nil), e.data...)
}

func (e *memoryEngine) cursors() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.open
}

type memoryTxn struct {
	e       *memoryEngine
	pending []int64
	done    bool
}

func (t *memoryTxn) Snapshot() *catalog.Snapshot { return t.e.snapshot }
func (t *memoryTxn) Mark() int                   { return len(t.pending) }
func (t *memoryTxn) RollbackTo(m int)            { t.pending = t.pending[:m] }
func (t *memoryTxn) Rollback()                   { t.done, t.pending = true, nil }

func (t *memoryTxn) Notices() []*sqlerr.Error { return nil }

func (t *memoryTxn) Around(func(decide func() error) error) {}

func (t *memoryTxn) Commit(context.Context) error {
	if t.done {
		return nil
	}
	t.done = true
	t.e.mu.Lock()
	defer t.e.mu.Unlock()
	if err := t.e.failCommit; err != nil {
		return err
	}
	t.e.data = append(t.e.data, t.pending...)
	return nil
}

func (t *memoryTxn) Exec(_ context.Context, b *plan.Bound, env *function.Env) (Result, error) {
	s, ok := b.Statement.(*plan.Insert)
	if !ok {
		return Result{}, fmt.Errorf("running %T", b.Statement)
	}
	for _, row := range s.Input.(*plan.Values).Rows {
		v, err := evalExpr(row[0], env)
		if err != nil {
			return Result{}, err
		}
		t.pending = append(t.pending, v.I)
	}
	return Result{Tag: fmt.Sprintf("INSERT 0 %d", len(s.Input.(*plan.Values).Rows))}, nil
}

func (t *memoryTxn) Query(ctx context.Context, q *plan.Query, env *function.Env, _ *exec.Ready) (Cursor, error) {
	t.e.mu.Lock()
	t.e.open++
	t.e.mu.Unlock()
	c := &memoryCursor{e: t.e, q: q, env: env, source: "values"}
	if v, ok := q.Root.(*plan.VirtualScan); ok {
		c.source = v.Alias
		if name, n, ok := strings.Cut(c.source, ":"); ok {
			c.source = name
			c.n, _ = strconv.ParseInt(n, 10, 64)
		}
		if c.source == "data" {
			t.e.mu.Lock()
			c.data = append(append([]int64(nil), t.e.data...), t.pending...)
			t.e.mu.Unlock()
		}
	}
	return c, nil
}

type memoryCursor struct {
	e      *memoryEngine
	q      *plan.Query
	env    *function.Env
	source string
	n, at  int64
	data   []int64
	batch  *vec.Batch
	closed bool
}

func (c *memoryCursor) Next(ctx context.Context) (*vec.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.batch == nil {
		var ts []types.Type
		for _, f := range c.q.Root.Schema() {
			ts = append(ts, f.Type)
		}
		c.batch = vec.NewBatch(ts)
	}
	b := c.batch
	b.Reset()
	one := func(x int64) { b.Cols[0].(*vec.Fixed[int64]).Append(x); b.Rows++ }
	switch c.source {
	case "values":
		if c.at > 0 {
			return nil, io.EOF
		}
		c.at++
		for _, row := range c.q.Root.(*plan.Values).Rows {
			for i, e := range row {
				v, err := evalExpr(e, c.env)
				if err != nil {
					return nil, err
				}
				vec.Append(b.Cols[i], v)
			}
			b.Rows++
		}
	case "series":
		if c.at == c.n {
			return nil, io.EOF
		}
		for b.Rows < vec.MaxRows && c.at < c.n {
			c.at++
			one(c.at)
		}
	case "data":
		if c.at > 0 || len(c.data) == 0 {
			return nil, io.EOF
		}
		c.at++
		for _, x := range c.data {
			one(x)
		}
	case "live":
		select {
		case x := <-c.e.live:
			one(x)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "blocked":
		c.e.blocked <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	case "failing":
		if c.at++; c.at > 1 {
			return nil, sqlerr.Errorf(sqlerr.DivisionByZero, "division by zero")
		}
		one(1)
	case "panicking":
		panic("the test asked for it")
	}
	return b, nil
}

func (c *memoryCursor) Close() error {
	if !c.closed {
		c.closed = true
		c.e.mu.Lock()
		c.e.open--
		c.e.mu.Unlock()
	}
	return nil
}

func evalExpr(e plan.Expr, env *function.Env) (types.Value, error) {
	switch e := e.(type) {
	case *plan.Const:
		return e.Value, nil
	case *plan.Param:
		return env.Params[e.N-1], nil
	}
	return types.Value{}, fmt.Errorf("evaluating %T", e)
}

// memoryPlanner knows the statements of a session, SELECT of literals and
// parameters ($1::type), SELECT * FROM one of memoryEngine's sources, and
// INSERT n. It splits texts as PostgreSQL does.
type memoryPlanner struct{}

func (memoryPlanner) Parse(text string) ([]parse.Statement, error) {
	var out []parse.Statement
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) != "" && !strings.HasPrefix(strings.TrimSpace(part), "--") {
			out = append(out, parse.Statement{Text: strings.TrimSpace(part)})
		}
	}
	if strings.Contains(text, "syntaxerror") {
		return nil, sqlerr.Errorf(sqlerr.SyntaxError, "syntax error at or near %q", "syntaxerror").At(strings.Index(text, "syntaxerror") + 1)
	}
	return out, nil
}

var (
	fromPattern    = regexp.MustCompile(`(?i)^select \* from (\w+(?::\d+)?)$`)
	declarePattern = regexp.MustCompile(`(?i)^declare (\w+) (binary )?((?:no )?scroll )?cursor (with hold )?for (.*)$`)
	fetchPattern   = regexp.MustCompile(`(?i)^(fetch|move) (forward|backward|absolute|relative) (-?\d+|all) (\w+)(?: with (\w+))?$`)
	setPattern     = regexp.MustCompile(`(?i)^set (local |session )?([\w.]+) (?:=|to) (.*)$`)
	preparePattern = regexp.MustCompile(`(?i)^prepare (\w+) as (.*)$`)
	executePattern = regexp.MustCompile(`(?i)^execute (\w+)(?:\((.*)\))?$`)
	copyPattern    = regexp.MustCompile(`(?is)^copy \((.*)\) to stdout ?(text|csv|binary)?( header)?$`)
)

func (p memoryPlanner) Plan(ctx context.Context, c *bind.Context, st parse.Statement) (*plan.Bound, error) {
	b := &plan.Bound{Text: st.Text}
	text := st.Text
	word, rest, _ := strings.Cut(text, " ")
	inner := func(text string) (*plan.Bound, error) { return p.Plan(ctx, c, parse.Statement{Text: text}) }
	switch strings.ToLower(word) {
	case "begin", "start":
		b.Statement = &plan.Transaction{Kind: plan.TxnBegin, Word: text, Modes: modes(text)}
	case "commit":
		b.Ends = true
		b.Statement = &plan.Transaction{Kind: plan.TxnCommit, Chain: strings.HasSuffix(text, "and chain")}
	case "rollback":
		b.Ends = true
		b.Statement = &plan.Transaction{Kind: plan.TxnRollback}
		if name, ok := strings.CutPrefix(rest, "to "); ok {
			b.Statement = &plan.Transaction{Kind: plan.TxnRollbackTo, Name: name}
		}
	case "savepoint":
		b.Statement = &plan.Transaction{Kind: plan.TxnSavepoint, Name: rest}
	case "release":
		b.Statement = &plan.Transaction{Kind: plan.TxnRelease, Name: rest}
	case "set":
		m := setPattern.FindStringSubmatch(text)
		if m == nil {
			return nil, sqlerr.Errorf(sqlerr.SyntaxError, "syntax error")
		}
		s := &plan.SetVariable{Name: m[2], Local: strings.EqualFold(strings.TrimSpace(m[1]), "local")}
		if !strings.EqualFold(m[3], "default") {
			for item := range strings.SplitSeq(m[3], ",") {
				s.Values = append(s.Values, strings.Trim(strings.TrimSpace(item), "'"))
			}
		}
		b.Statement = s
	case "reset":
		b.Statement = &plan.ResetVariable{Name: rest}
	case "show":
		b.Statement = &plan.ShowVariable{Name: rest}
	case "discard":
		b.Statement = &plan.Discard{What: rest}
	case "explain":
		b.Statement = &plan.Explain{Target: &plan.Bound{Statement: &plan.Query{}}}
	case "deallocate":
		b.Statement = &plan.Deallocate{Name: strings.TrimSuffix(rest, "all")}
	case "close":
		b.Statement = &plan.ClosePortal{Name: strings.TrimSuffix(rest, "all")}
	case "prepare":
		m := preparePattern.FindStringSubmatch(text)
		own := *c
		own.NoParams = false
		target, err := p.Plan(ctx, &own, parse.Statement{Text: m[2]})
		if err != nil {
			return nil, err
		}
		b.Statement = &plan.Prepare{Name: m[1], Target: target, Text: m[2]}
	case "execute":
		m := executePattern.FindStringSubmatch(text)
		s := &plan.Execute{Name: m[1]}
		target := c.Prepared(m[1])
		if target == nil {
			return nil, sqlerr.Errorf(sqlerr.InvalidSQLStatementName, "prepared statement %q does not exist", m[1])
		}
		for i, arg := range splitArgs(m[2]) {
			v, err := types.Parse(target.Params[i], strings.Trim(arg, "'"), c.Format)
			if err != nil {
				return nil, err
			}
			s.Args = append(s.Args, &plan.Const{Value: v})
		}
		b.Fields = target.Fields
		b.Statement = s
	case "declare":
		m := declarePattern.FindStringSubmatch(text)
		q, err := inner(m[5])
		if err != nil {
			return nil, err
		}
		s := &plan.DeclareCursor{Name: m[1], Query: q, Binary: m[2] != "", Hold: m[4] != ""}
		if m[3] != "" {
			scroll := !strings.HasPrefix(strings.ToLower(m[3]), "no")
			s.Scroll = &scroll
		}
		b.Statement, b.Params = s, q.Params
	case "fetch", "move":
		m := fetchPattern.FindStringSubmatch(text)
		s := &plan.Fetch{Name: m[4], Count: plan.FetchAll, Move: strings.EqualFold(m[1], "move")}
		s.Direction = map[string]plan.FetchDirection{"forward": plan.FetchForward, "backward": plan.FetchBackward, "absolute": plan.FetchAbsolute, "relative": plan.FetchRelative}[strings.ToLower(m[2])]
		if m[3] != "all" {
			s.Count, _ = strconv.ParseInt(m[3], 10, 64)
		}
		if m[5] != "" {
			d, err := time.ParseDuration(m[5])
			if err != nil {
				return nil, err
			}
			s.Timeout = &d
		}
		b.Statement = s
	case "copy":
		if text == "copy data from stdin" {
			to := &catalog.Relation{Name: "data", Kind: catalog.Table, Columns: []catalog.Column{{Name: "n", Type: types.Of(types.Int8)}}}
			b.Statement = &plan.CopyFrom{Target: to, Columns: []int{0}, Options: plan.CopyOptions{Format: "text", Null: `\N`}}
			return b, nil
		}
		m := copyPattern.FindStringSubmatch(text)
		q, err := inner(m[1])
		if err != nil {
			return nil, err
		}
		s := &plan.Copy{Query: q, Format: "text", Null: `\N`, Header: m[3] != ""}
		if m[2] != "" {
			s.Format = m[2]
		}
		if s.Format == "csv" {
			s.Null = ""
		}
		b.Statement = s
	case "insert":
		e, err := p.expr(b, rest, c)
		if err != nil {
			return nil, err
		}
		b.Statement = &plan.Insert{Input: &plan.Values{Rows: [][]plan.Expr{{e}}}}
	case "select", "values":
		return p.selectStatement(c, b, text, rest)
	default:
		return nil, sqlerr.Errorf(sqlerr.UndefinedTable, "relation %q does not exist", text)
	}
	return b, nil
}

func splitArgs(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func modes(text string) map[string]string {
	m := map[string]string{}
	if strings.Contains(text, "read only") {
		m["transaction_read_only"] = "on"
	}
	if strings.Contains(text, "serializable") {
		m["transaction_isolation"] = "serializable"
	}
	return m
}

func (p memoryPlanner) selectStatement(c *bind.Context, b *plan.Bound, text, rest string) (*plan.Bound, error) {
	if m := fromPattern.FindStringSubmatch(text); m != nil {
		b.Fields = []plan.Field{{Name: "n", Type: types.Of(types.Int8)}}
		b.Statement = &plan.Query{Root: &plan.VirtualScan{Alias: strings.ToLower(m[1]), Fields: b.Fields}, Live: strings.EqualFold(m[1], "live")}
		return b, nil
	}
	values := &plan.Values{Rows: [][]plan.Expr{nil}}
	for _, item := range splitArgs(rest) {
		e, err := p.expr(b, item, c)
		if err != nil {
			return nil, err
		}
		values.Rows[0] = append(values.Rows[0], e)
		b.Fields = append(b.Fields, plan.Field{Name: "?column?", Type: e.Type()})
	}
	values.Fields = b.Fields
	b.Statement = &plan.Query{Root: values}
	return b, nil
}

func (memoryPlanner) expr(b *plan.Bound, s string, c *bind.Context) (plan.Expr, error) {
	name, typ, cast := strings.Cut(s, "::")
	t := types.Of(types.Int4)
	if cast {
		info, ok := types.ByName(typ)
		if !ok {
			return nil, sqlerr.Errorf(sqlerr.UndefinedObject, "type %q does not exist", typ)
		}
		t = types.Of(info.OID)
	}
	switch {
	case strings.HasPrefix(name, "$"):
		n, _ := strconv.Atoi(name[1:])
		if c.NoParams {
			return nil, sqlerr.Errorf(sqlerr.UndefinedParameter, "there is no parameter $%d", n)
		}
		if !cast {
			t = types.Of(types.Text)
		}
		if n <= len(c.ParamTypes) && c.ParamTypes[n-1] != 0 {
			t = types.Of(c.ParamTypes[n-1])
		}
		for len(b.Params) < n {
			b.Params = append(b.Params, t)
		}
		return &plan.Param{N: n, Typ: t}, nil
	case strings.EqualFold(name, "null"):
		return &plan.Const{Value: types.NullOf(types.Of(types.Text))}, nil
	case strings.HasPrefix(name, "'"):
		if !cast {
			t = types.Of(types.Text)
		}
		name = strings.Trim(name, "'")
	case name == "nosuch":
		return nil, sqlerr.Errorf(sqlerr.UndefinedColumn, "column %q does not exist", name).At(8)
	}
	v, err := types.Parse(t, name, c.Format)
	if err != nil {
		return nil, err
	}
	return &plan.Const{Value: v}, nil
}
