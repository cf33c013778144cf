package plan

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Derive says what is known of the rows of n: whether they end, whether rows
// are ever taken back, which columns are unique, and which is the event time.
func Derive(n Node) Props { return deriver{}.derive(n) }

type deriver map[int]Props // by the ID of an enclosing CTE

func (d deriver) derive(n Node) Props {
	switch n := n.(type) {
	case *Scan:
		return deriveScan(n)
	case *VirtualScan:
		return Props{Bounded: true, AppendOnly: true, Time: -1}
	case *Values:
		p := Props{Bounded: true, AppendOnly: true, Time: -1}
		if len(n.Rows) <= 1 {
			p.Keys = [][]int{{}}
		}
		return p
	case *FunctionScan:
		p := Props{Bounded: true, AppendOnly: true, Time: -1}
		if n.Ordinality {
			p.Keys = [][]int{{len(n.Fields) - 1}}
		}
		return p
	case *Filter:
		return d.derive(n.Input)
	case *Exchange:
		return d.derive(n.Input)
	case *Sort:
		return d.derive(n.Input)
	case *Limit:
		p := d.derive(n.Input)
		p.Bounded = p.Bounded || n.Count != nil
		return p
	case *Project:
		return projectProps(d.derive(n.Input), n.Exprs)
	case *ProjectSet:
		p := projectProps(d.derive(n.Input), n.Exprs)
		p.Keys = nil
		return p
	case *Window:
		p := d.derive(n.Input)
		if n.Pass != nil {
			p = projectProps(p, passed(n))
		}
		switch n.Mode {
		case WindowTimed, WindowArrival:
			if n.Closing != nil {
				p = p.withTimes(nil) // a row waits for the end of its window
			}
		case WindowClosing:
			p = p.withTimes(nil)
		case WindowFirst, WindowChanges:
			p.AppendOnly = false
		default:
			p.AppendOnly = p.AppendOnly && p.Bounded // a later row changes what is over an earlier one
		}
		if n.Top != nil && n.Top.Exact && n.Top.Most == 1 && n.Top.Call.Func.Name == "row_number" {
			if key, ok := n.partitionKey(); ok {
				p.Keys = append(p.Keys[:len(p.Keys):len(p.Keys)], key)
			}
		}
		return p
	case *GroupingSets:
		p := d.derive(n.Input)
		p.Keys = nil
		return p
	case *AggregateNode:
		in := d.derive(n.Input)
		final := n.EmitChanges && n.Closing != nil && n.Closing.Once()
		p := Props{Bounded: in.Bounded, AppendOnly: in.AppendOnly && (final || in.Bounded && !n.EmitChanges), Time: -1}
		p.Keys = [][]int{upTo(len(n.Keys))}
		if in.Window != nil {
			p.Window = in.Window.moved(places(n.Keys))
			p.Keys = append(p.Keys, p.Window.keys(len(n.Keys))...)
		}
		return p
	case *MergeAggregate:
		return d.derive(n.Of)
	case *TimeWindow:
		p := d.derive(n.Input)
		p.AppendOnly = p.AppendOnly && (n.Kind != WindowSession || !n.Changes || p.Bounded)
		if n.Kind != WindowTumbling {
			p.Keys = nil // a row may be in several windows
		}
		bounds := n.Bounds()
		p.Window = &bounds
		return p
	case *DistinctNode:
		p := d.derive(n.Input)
		if n.On == nil {
			p.Keys = append(p.Keys[:len(p.Keys):len(p.Keys)], upTo(len(n.Schema())))
		} else {
			p.AppendOnly = p.AppendOnly && p.Bounded
		}
		return p
	case *Join:
		return d.deriveJoin(n)
	case *AsOfJoin:
		l, r := d.derive(n.Left), d.derive(n.Right)
		p := Props{Bounded: l.Bounded && r.Bounded, AppendOnly: l.AppendOnly && r.AppendOnly, Time: -1, Keys: l.Keys, Spread: l.Spread}
		return p.withTimes(l.times())
	case *Append:
		p := Props{Bounded: true, AppendOnly: true, Time: -1}
		for i, c := range n.Children {
			q := d.derive(c)
			p.Bounded = p.Bounded && q.Bounded
			p.AppendOnly = p.AppendOnly && q.AppendOnly
			switch {
			case i == 0:
				p.Time, p.Times, p.Spread = q.Time, q.Times, q.Spread
			case p.Time != q.Time || !slices.Equal(p.Times, q.Times):
				p = p.withTimes(nil)
			case p.Spread != q.Spread:
				p.Spread = Loose
			}
		}
		return p
	case *SetOp:
		l, r := d.derive(n.Left), d.derive(n.Right)
		p := Props{Bounded: l.Bounded && r.Bounded, Time: -1}
		p.AppendOnly = l.AppendOnly && r.AppendOnly && (p.Bounded && !n.Changes || n.Op != "except")
		if !n.All {
			p.Keys = [][]int{upTo(len(n.Fields))}
		}
		return p
	case *CTE:
		in := deriver{}
		for k, v := range d {
			in[k] = v
		}
		in[n.ID] = d.derive(n.Query)
		if n.Recursive != nil {
			of := d.derive(n.Query)
			in[n.ID] = Props{Bounded: of.Bounded, AppendOnly: of.AppendOnly, Time: -1}
			rest := in.derive(n.Recursive)
			p := Props{Bounded: of.Bounded && rest.Bounded, AppendOnly: of.AppendOnly && rest.AppendOnly, Time: -1}
			if n.Distinct {
				p.Keys = [][]int{upTo(len(n.Query.Schema()))}
			}
			in[n.ID] = p
		}
		return in.derive(n.Body)
	case *CTEScan:
		if p, ok := d[n.ID]; ok {
			return p
		}
	}
	return Props{Time: -1}
}

func deriveScan(n *Scan) Props {
	r := n.Relation
	if r.Stored() {
		return deriveTable(n)
	}
	p := Props{Bounded: !n.Changes && (n.Looked || boundedSource(r)), AppendOnly: !n.Changes, Time: -1}
	all := r.AllColumns()
	at := map[string]int{}
	for i, c := range n.Columns {
		at[all[c].Name] = i
	}
	want := "_timestamp"
	if r.Watermark != nil {
		want = r.Watermark.Column
	}
	if i, ok := at[want]; ok {
		p.Time = i
	}
	if n.Changes {
		p.Keys = namedKeys(at, r.Key)
	}
	if o, ok := at["_offset"]; ok {
		if part, ok := at["_partition"]; ok {
			p.Keys = append(p.Keys, []int{part, o})
		}
	}
	return p
}

// namedKeys is the key of columns with names, where all of them are there.
func namedKeys(at map[string]int, names []string) [][]int {
	key := make([]int, len(names))
	for i, name := range names {
		c, ok := at[name]
		if !ok {
			return nil
		}
		key[i] = c
	}
	return [][]int{key}
}

// deriveTable is what is known of the rows that a table has: they end, but where
// its changes are followed, and those of one unique key without a NULL are one.
func deriveTable(n *Scan) Props {
	p := Props{Bounded: !n.Follow, AppendOnly: !n.Follow, Time: -1}
	at := map[int]int{}
	for i, c := range n.Columns {
		at[c] = i
	}
	for _, x := range n.Relation.Table.Indexes {
		var key []int
		for _, k := range x.Keys {
			i, ok := at[k.Column]
			if !ok || k.Column < 0 || !n.Relation.Columns[k.Column].NotNull && !x.NullsNotDistinct {
				break
			}
			key = append(key, i)
		}
		if x.Unique && x.Where == "" && len(key) == len(x.Keys) {
			p.Keys = append(p.Keys, key)
		}
	}
	return p
}

// boundedSource reports whether a stream's source ends by itself.
func boundedSource(r *catalog.Relation) bool {
	switch r.Connector {
	case "file", "s3":
		follow, _ := r.Options.Get("follow")
		return !strings.EqualFold(follow, "true") && !strings.EqualFold(follow, "on")
	case "generator":
		rows, ok := r.Options.Get("rows")
		return ok && rows != "0"
	case "database":
		follows, _ := r.Options.Get("incremental.column")
		return follows == ""
	}
	return false
}

// projectProps carries properties through a projection: a column that is passed
// on keeps its part in keys and time.
func projectProps(in Props, exprs []Expr) Props {
	to := places(exprs)
	p := Props{Bounded: in.Bounded, AppendOnly: in.AppendOnly, Time: -1, Spread: in.Spread, Window: in.Window.moved(to)}
	var times []int
	for _, c := range in.times() {
		if t, ok := to[c]; ok {
			times = append(times, t)
		}
	}
	if len(times) == len(in.times()) {
		p = p.withTimes(times)
	}
	for _, k := range in.Keys {
		mapped := make([]int, 0, len(k))
		for _, c := range k {
			if t, ok := to[c]; ok {
				mapped = append(mapped, t)
			}
		}
		if len(mapped) == len(k) {
			p.Keys = append(p.Keys, mapped)
		}
	}
	return p
}

func upTo(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// places says where each column of the input stands first among expressions.
func places(exprs []Expr) map[int]int {
	to := map[int]int{}
	for i, e := range exprs {
		if c, ok := e.(*Column); ok {
			if _, seen := to[c.Index]; !seen {
				to[c.Index] = i
			}
		}
	}
	return to
}
