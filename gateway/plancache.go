package gateway

import (
	"bytes"
	"encoding/binary"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// maxCachedPlans and maxCachedText bound what a session keeps of the Query
// strings it has seen.
const (
	maxCachedPlans = 128
	maxCachedText  = 4096
)

// planCache keeps the plans of texts of one SELECT, which came as Query strings
// or in Parse messages. A plan is good for as long as the catalog and the settings
// are the very ones it was made with, so both are compared by pointer; the user,
// the database and the temporary schema are the session's own, as the cache is.
type planCache struct {
	plans map[string]*cachedPlan
	key   []byte // where the key of a Parse is written
}

type cachedPlan struct {
	key         string
	text        string
	statement   parse.Statement
	bound       *plan.Bound
	snapshot    *catalog.Snapshot
	values      *values
	description []byte // the RowDescription of a Query
	enc         *rowEncoder
	ready       exec.Ready
}

// parseKey is the key of a Parse's text: the types that the client gives are part
// of what the text means, and with parameters it may mean something where a
// Query's may not. A Query's key is its text, which has no zero byte. The result
// is good until the next call; it is nil, which is no key, for a long text.
func (c *planCache) parseKey(text string, given []types.OID) []byte {
	if len(text) > maxCachedText {
		return nil
	}
	c.key = append(append(c.key[:0], text...), 0)
	for _, t := range given {
		c.key = binary.BigEndian.AppendUint32(c.key, uint32(t))
	}
	return c.key
}

func (c *planCache) clear() { c.plans = nil }

// cachedPlan returns the plan of a key, nil where there is none or it is stale.
func (x *session) cachedPlan(key []byte) *cachedPlan {
	c := x.plans.plans[string(key)]
	if c == nil || x.txn.failed {
		return nil
	}
	if c.values != x.settings.current || c.snapshot != x.begin().Snapshot() {
		delete(x.plans.plans, c.key)
		return nil
	}
	x.activity.query(x, c.text)
	return c
}

// cachePlan keeps the plan of a text's only statement if it may be kept, and
// returns nil if not.
func (x *session) cachePlan(key, text string, st parse.Statement, b *plan.Bound) *cachedPlan {
	if !keepable(b.Statement) || x.txn.engine == nil || len(text) > maxCachedText || dependsOnTime(text) {
		return nil
	}
	if len(x.plans.plans) >= maxCachedPlans {
		x.plans.clear()
	}
	if x.plans.plans == nil {
		x.plans.plans = map[string]*cachedPlan{}
	}
	c := &cachedPlan{key: key, text: text, statement: st, bound: b, snapshot: x.txn.engine.Snapshot(), values: x.settings.current}
	x.plans.plans[key] = c
	return c
}

// keepable reports whether a statement is one whose plan is kept.
func keepable(s plan.Statement) bool {
	switch s := s.(type) {
	case *plan.Query:
		return !s.Live
	case *plan.Modification:
		return true
	}
	return false
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

// describe sends the RowDescription of the plan's rows in text.
func (c *cachedPlan) describe(w *writer) error {
	if c.description == nil {
		d := writer{open: -1, buf: []byte{}, settings: w.settings}
		if err := d.rowDescription(c.bound.Fields, nil); err != nil {
			return err
		}
		c.description = d.buf
	}
	w.buf = append(w.take(), c.description...)
	return nil
}

// encoder returns the encoder of the plan's rows. Values are written as the
// settings say, and those are the plan's own.
func (c *cachedPlan) encoder(x *session, fields []plan.Field) *rowEncoder {
	if c.enc == nil {
		c.enc = newRowEncoder(fields, nil, x.format(), x.charset())
	}
	return c.enc
}
