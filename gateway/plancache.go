package gateway

import (
	"bytes"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxCachedPlans and maxCachedText bound what a session keeps of the Query
// strings it has seen.
const (
	maxCachedPlans = 128
	maxCachedText  = 4096
)

// planCache keeps the plans of Query strings of one SELECT. A plan is good for
// as long as the catalog and the settings are the very ones it was made with,
// so both are compared by pointer.
type planCache struct{ plans map[string]*cachedPlan }

type cachedPlan struct {
	text        string
	bound       *plan.Bound
	snapshot    *catalog.Snapshot
	values      *values
	description []byte // the RowDescription
	enc         *rowEncoder
}

func (c *planCache) clear() { c.plans = nil }

// cachedPlan returns the plan of a text, nil where there is none or it is stale.
func (x *session) cachedPlan(text []byte) *cachedPlan {
	c := x.plans.plans[string(text)]
	if c == nil || x.txn.failed {
		return nil
	}
	if c.values != x.settings.current || c.snapshot != x.begin().Snapshot() {
		delete(x.plans.plans, c.text)
		return nil
	}
	x.activity.query(x, c.text)
	return c
}

// cachePlan keeps a plan if it may be kept, and returns nil if not.
func (x *session) cachePlan(text string, b *plan.Bound) *cachedPlan {
	q, ok := b.Statement.(*plan.Query)
	if !ok || q.Live || x.txn.engine == nil || len(text) > maxCachedText || dependsOnTime(text) {
		return nil
	}
	if len(x.plans.plans) >= maxCachedPlans {
		x.plans.clear()
	}
	if x.plans.plans == nil {
		x.plans.plans = map[string]*cachedPlan{}
	}
	w := writer{open: -1, buf: []byte{}}
	w.rowDescription(b.Fields, nil)
	c := &cachedPlan{text: text, bound: b, snapshot: x.txn.engine.Snapshot(), values: x.settings.current, description: w.buf}
	x.plans.plans[text] = c
	return c
}

// dependsOnTime reports whether a literal of the text may have been read as the
// transaction's own time, as 'now'::timestamptz is. Escapes could hide such a
// word, so texts with them count too.
func dependsOnTime(text string) bool {
	lower := bytes.ToLower([]byte(text))
	for _, word := range []string{"now", "today", "tomorrow", "yesterday", `\`, "u&"} {
		if bytes.Contains(lower, []byte(word)) {
			return true
		}
	}
	return false
}

// encoder returns the encoder of the plan's rows. Values are written as the
// settings say, and those are the plan's own.
func (c *cachedPlan) encoder(x *session, fields []plan.Field) *rowEncoder {
	if c.enc == nil {
		c.enc = newRowEncoder(fields, nil, x.format())
	}
	return c.enc
}
