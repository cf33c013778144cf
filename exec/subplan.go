package exec

import (
	"context"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// The answers that a subplan keeps: no more than so many, with no more rows in
// all. Past either it forgets them and begins anew.
const (
	keptAnswers = 10_000
	keptRows    = 200_000
)

// subplan is a plan that runs for each row of the query around it. What it gave
// for the same values of the columns that it refers to is kept, so that it runs
// once for each of them; one that refers to none runs once. From its second run
// on, the parts of it that refer to no outer row are read from memory: a stream
// is not opened for each row.
type subplan struct {
	b    *builder
	n    plan.Node
	most int64               // rows wanted; -1: all
	disk *operator.SpoolFile // for what memory has no room for; its account is closed with the query's

	params   []plan.Outer // what it refers to
	volatile bool         // it has to run for every row
	runs     int
	answers  map[string]*operator.Spool
	rows     int64 // of all answers
	last     *operator.Spool
	key      []byte
}

func (b *builder) subplan(n plan.Node) *subplan {
	inner := *b
	inner.live = false
	inner.scope = &scope{parent: b.scope, ctx: b.scope.ctx}
	inner.scope.b = &inner
	return &subplan{b: &inner, n: n, most: -1, disk: operator.NewSpoolFile(b.account.Spillable("a subquery")), params: plan.FreeRefs(n), volatile: plan.Volatile(n), answers: map[string]*operator.Spool{}}
}

// Run returns the plan's rows for one outer row. They are the subplan's, and
// stand until it runs again.
func (p *subplan) Run(ctx context.Context, outer *vec.Batch, row int) (*operator.Spool, error) {
	p.b.scope.batch, p.b.scope.row = outer, row
	if p.last != nil {
		p.last.Reset()
		p.last = nil
	}
	// A subquery without references runs once even where it is volatile, as
	// PostgreSQL's InitPlan does.
	keep := !p.volatile || len(p.params) == 0
	if keep {
		p.key = p.appendKey(p.key[:0])
		if rows, ok := p.answers[string(p.key)]; ok {
			return rows, nil
		}
		if len(p.answers) >= keptAnswers || p.rows > keptRows {
			p.forget()
		}
	}
	if p.runs++; p.runs == 2 {
		p.n = p.b.spooled(p.n)
	}
	rows := p.disk.Spool(schemaTypes(p.n), "a subquery")
	if err := p.b.collect(ctx, p.n, spoolOutput{rows, p.most}); err != nil {
		rows.Reset()
		return nil, err
	}
	if keep {
		if p.disk.Account.Pressed() {
			p.forget()
		}
		p.answers[string(p.key)] = rows
		p.rows += rows.Rows()
	} else {
		p.last = rows
	}
	return rows, nil
}

func (p *subplan) forget() {
	for _, rows := range p.answers {
		rows.Reset()
	}
	clear(p.answers)
	p.rows = 0
}

// appendKey appends the values of what the plan refers to: equal keys are equal
// values.
func (p *subplan) appendKey(dst []byte) []byte {
	format := types.DefaultFormat()
	for _, o := range p.params {
		v := p.b.scope.Outer(o.Depth, o.Index, o.Typ)
		if v.Null {
			dst = binary.AppendVarint(dst, -1)
			continue
		}
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		dst = types.AppendText(dst, v, format)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	}
	return dst
}

// spooled is a plan that runs more than once, with the parts that are the same
// each time read from memory: they run when the first of them is read.
func (b *builder) spooled(n plan.Node) plan.Node {
	s := &spooler{b: b, own: map[int]bool{}}
	plan.WalkAll(n, func(n plan.Node) {
		if c, ok := n.(*plan.CTE); ok {
			s.own[c.ID] = true
		}
	})
	return s.node(n)
}

type spooler struct {
	b   *builder
	own map[int]bool // WITH queries that the plan defines: they may differ each time
}

func (s *spooler) node(n plan.Node) plan.Node {
	if s.same(n) {
		return s.keep(n)
	}
	if f, ok := n.(*plan.Filter); ok {
		n = s.filter(f)
	}
	below := s.node
	if j, ok := n.(*plan.Join); ok && j.Lookup != nil {
		below = func(in plan.Node) plan.Node {
			if in == j.Right {
				return in // it is asked by an index, not read
			}
			return s.node(in)
		}
	}
	out := plan.MapNode(n, s.expr, below)
	s.b.stand(out, n)
	return out
}

// filter takes the conditions of a filter that are the same each time below the
// others.
func (s *spooler) filter(f *plan.Filter) plan.Node {
	and, ok := f.Cond.(*plan.And)
	if !ok || plan.NodeHasOuter(f.Input) {
		return f
	}
	var same, other []plan.Expr
	for _, c := range and.Args {
		// Once one depends on the outer row it may guard those behind it.
		if len(other) == 0 && !plan.HasOuter(c) {
			same = append(same, c)
		} else {
			other = append(other, c)
		}
	}
	if len(same) == 0 || len(other) == 0 {
		return f
	}
	split := &plan.Filter{Input: &plan.Filter{Input: f.Input, Cond: &plan.And{Args: same}}, Cond: &plan.And{Args: other}}
	s.b.stand(split, f)
	return split
}

func (s *spooler) expr(e plan.Expr) plan.Expr {
	return plan.Rewrite(e, func(x plan.Expr) plan.Expr {
		q, ok := x.(*plan.Subquery)
		if !ok {
			return x
		}
		in := s.node(q.Input)
		if in == q.Input {
			return x
		}
		c := *q
		c.Input = in
		return &c
	})
}

// same reports whether a tree reads something and gives the same rows each time.
func (s *spooler) same(n plan.Node) bool {
	if plan.NodeHasOuter(n) || plan.Volatile(n) {
		return false
	}
	reads, own := false, false
	plan.WalkAll(n, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Scan, *plan.VirtualScan:
			reads = true
		case *plan.CTEScan:
			own = own || s.own[n.ID]
		}
	})
	return reads && !own
}

// keep is a scan of the tree's rows.
func (s *spooler) keep(n plan.Node) plan.Node {
	id := -1
	for s.b.ctes[id] != nil {
		id--
	}
	defined := *s.b
	s.b.ctes[id] = &cte{b: &defined, disk: operator.NewSpoolFile(defined.account.Spillable("a subquery")), n: &plan.CTE{ID: id, Name: "a subquery", Query: n}}
	return &plan.CTEScan{ID: id, Name: "a subquery", Fields: n.Schema()}
}

// stand lets one node stand for another in EXPLAIN ANALYZE.
func (b *builder) stand(fresh, old plan.Node) {
	if b.origin == nil || fresh == old {
		return
	}
	if o, ok := b.origin[old]; ok {
		old = o
	}
	b.origin[fresh] = old
}
