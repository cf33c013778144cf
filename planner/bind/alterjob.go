package bind

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// fixedKeys decide what a job's state, or its sinks' epochs, are.
var fixedKeys = map[string]bool{"use_transactions": true, "transactions": true, "late_policy": true}

// alterJob is ALTER JOB name SET (...), START FROM ..., RENAME TO or SWAP WITH name.
func (b *binder) alterJob(x *parse.JobStatement) *plan.Bound {
	s := &plan.AlterJob{Name: x.Name.Name, Action: plan.JobAlter, IfExists: x.IfExists}
	if x.From != nil {
		s.From = b.jobStart(x.From)
		return done(s)
	}
	for _, n := range []*parse.Name{x.Rename, x.Swap} {
		if n != nil && n.Schema != "" {
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "improper qualified name (too many dotted names): %s.%s", n.Schema, n.Name).At(n.Pos))
		}
	}
	switch {
	case x.Rename != nil:
		s.Rename = x.Rename.Name
		return done(s)
	case x.Swap != nil:
		b.ownJob(x.Swap.Name)
		if x.Swap.Name == x.Name.Name {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "job \"%s\" cannot be swapped with itself", x.Name.Name).
				WithHint("Name the other job: ALTER JOB %s SWAP WITH other.", catalog.QuoteName(x.Name.Name)).At(x.Swap.Pos))
		}
		s.Swap = x.Swap.Name
		return done(s)
	}
	seen := map[string]bool{}
	for _, p := range b.stmt.With {
		key := strings.ToLower(p.Key)
		switch {
		case seen[key]:
			b.fail(sqlerr.Errorf(sqlerr.SyntaxError, "parameter \"%s\" specified more than once", key).At(p.Pos))
		case fixedKeys[key]:
			b.unsupportedAt(p.Pos, "DROP JOB and START JOB with it; or start another job with it, and ALTER JOB ... SWAP WITH that.", "ALTER JOB cannot set \"%s\"", key)
		case !jobKeys[key]:
			b.unknownJobKey(key, p.Pos)
		}
		seen[key] = true
		s.Set = append(s.Set, catalog.Option{Key: key, Value: p.Value})
	}
	return done(s)
}

// unknownJobKey answers a key that ALTER JOB does not know, with the nearest, or all.
func (b *binder) unknownJobKey(key string, pos int) {
	var known []string
	for k := range jobKeys {
		if !fixedKeys[k] {
			known = append(known, k)
		}
	}
	slices.Sort(known)
	err := sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter \"%s\"", key).At(pos)
	if near := nearest(key, known); near != "" {
		b.fail(err.WithHint("Perhaps you meant \"%s\".", near))
	}
	b.fail(err.WithHint("ALTER JOB can set %s.", strings.Join(known, ", ")))
}

// jobStart reads where a job is to begin.
func (b *binder) jobStart(f *parse.JobFrom) *catalog.JobStart {
	s := &catalog.JobStart{Kind: f.Kind}
	switch f.Kind {
	case "TIMESTAMP":
		format := b.c.Format
		if format == nil {
			format = types.DefaultFormat()
		}
		v, err := types.Parse(types.Of(types.Timestamptz), f.Text, format)
		if err != nil {
			b.fail(sqlerr.From(err).At(f.Pos))
		}
		if v.I == types.TimestampInfinity || v.I == types.TimestampNegInfinity {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "a job cannot start from %s", f.Text).WithHint("Write START FROM EARLIEST or LATEST.").At(f.Pos))
		}
		s.Micros = v.I
	case "OFFSETS":
		err := json.Unmarshal([]byte(f.Text), &s.Offsets)
		if err != nil || len(s.Offsets) == 0 {
			b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid offsets: \"%s\"", f.Text).
				WithHint(`Write them by stream and partition: '{"orders": {"0": 5, "1": 7}}'.`).At(f.Pos))
		}
		for _, splits := range s.Offsets {
			for split, n := range splits {
				if n < 0 {
					b.fail(sqlerr.Errorf(sqlerr.InvalidParameterValue, "offset %d of partition %s is negative", n, split).At(f.Pos))
				}
			}
		}
	}
	return s
}
