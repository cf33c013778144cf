package exec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// tableChanges are the rows of an epoch for a table, encoded. Where rows change
// they are counted, an Insert as one and a Delete as one less, so that their order
// does not matter.
type tableChanges struct {
	list     changeList
	counts   []changeCount
	at       map[string]int // of a row in counts
	row, key []byte         // the row at hand, and its key
}

type changeCount struct {
	row, key string
	count    int
}

// changeList are changes in order: an op, the length of a row and the row.
type changeList struct {
	buf  []byte
	ends []int
}

func (l *changeList) len() int { return len(l.ends) }

func (l *changeList) append(op vec.Op, row []byte) {
	l.buf = append(append(l.buf, byte(op)), row...)
	l.ends = append(l.ends, len(l.buf))
}

// at is the i-th change.
func (l *changeList) at(i int) (vec.Op, []byte) {
	from := 0
	if i > 0 {
		from = l.ends[i-1]
	}
	b := l.buf[from:l.ends[i]]
	return vec.Op(b[0]), b[1:]
}

func (c *tableChanges) append(op vec.Op, row []byte) { c.list.append(op, row) }

// net counts the row at hand.
func (c *tableChanges) net(op vec.Op) {
	by := 1
	if op == vec.Delete {
		by = -1
	}
	if i, ok := c.at[string(c.row)]; ok {
		c.counts[i].count += by
		return
	}
	if c.at == nil {
		c.at = map[string]int{}
	}
	row := string(c.row)
	c.at[row] = len(c.counts)
	c.counts = append(c.counts, changeCount{row, string(c.key), by})
}

// settle ends the epoch and returns its net changes: what goes first. keyed: a row
// that comes replaces the one of its key, which then need not go.
func (c *tableChanges) settle(keyed bool) changeList {
	defer c.reset()
	if len(c.counts) == 0 {
		return c.list
	}
	comes := map[string]bool{}
	for _, x := range c.counts {
		if x.count > 0 && keyed {
			comes[x.key] = true
		}
	}
	var l changeList
	for _, x := range c.counts {
		for range -x.count {
			if !comes[x.key] || !keyed {
				l.append(vec.Delete, []byte(x.row))
			}
		}
	}
	for _, x := range c.counts {
		for range x.count {
			l.append(vec.Insert, []byte(x.row))
		}
	}
	return l
}

func (c *tableChanges) reset() { c.list, c.counts, c.at = changeList{}, nil, nil }

// tableStage keeps an epoch's changes in the job's own epoch, until the next one:
// by then they are in the table.
type tableStage struct {
	store *state.Store
	job   state.ID
	space state.Space
	old   [][]byte // keys that the next epoch removes
	parts [][]byte // of the epoch that is prepared
}

const (
	stageOperator = state.StagedOperator
	stagePart     = 256 << 10
)

func (g *tableStage) open(store *state.Store, job state.ID, sink int) error {
	g.store, g.job, g.space = store, job, state.Space{Operator: stageOperator, Shard: uint16(sink)}
	sn := store.Snapshot(job)
	defer sn.Close()
	return sn.Scan(job, g.space, nil, nil, func(key, _ []byte) error {
		g.old = append(g.old, append([]byte(nil), key...))
		return nil
	})
}

// prepare cuts changes into parts and returns the token.
func (g *tableStage) prepare(l changeList) []byte {
	var part []byte
	for i := range l.len() {
		op, row := l.at(i)
		part = append(binary.AppendUvarint(part, uint64(len(row))), byte(op))
		part = append(part, row...)
		// A row may lie in two parts: they are one text.
		for len(part) >= stagePart {
			g.parts, part = append(g.parts, part[:stagePart:stagePart]), part[stagePart:]
		}
	}
	if len(part) > 0 {
		g.parts = append(g.parts, part)
	}
	return binary.AppendUvarint(nil, uint64(len(g.parts)))
}

// stageParts reads a token: how many parts there are.
func stageParts(token []byte) (int, error) {
	if len(token) == 0 {
		return 0, nil
	}
	n, size := binary.Uvarint(token)
	if size <= 0 {
		return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "the token of a table's rows is damaged")
	}
	return int(n), nil
}

func stageKey(e stream.Epoch, part int) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, uint64(e)), uint32(part))
}

// write puts the parts into the pages of the epoch, and removes those before.
func (g *tableStage) write(pages *state.Batch, e stream.Epoch) {
	for _, key := range g.old {
		pages.Delete(g.space, key)
	}
	g.old = nil
	for i, part := range g.parts {
		key := stageKey(e, i)
		pages.Set(g.space, key, part)
		g.old = append(g.old, key)
	}
	g.parts = nil
}

// read returns the changes of a committed epoch.
func (g *tableStage) read(e stream.Epoch, parts int) (changeList, error) {
	sn := g.store.Snapshot(g.job)
	defer sn.Close()
	var all []byte
	var l changeList
	for i := range parts {
		var ok bool
		var err error
		if all, ok, err = sn.Get(g.job, g.space, stageKey(e, i), all); err != nil || !ok {
			return l, fmt.Errorf("part %d of %d: there is %v: %w", i+1, parts, ok, errors.Join(err, errStage))
		}
	}
	for len(all) > 0 {
		n, size := binary.Uvarint(all)
		if size <= 0 || uint64(len(all)-size) < n+1 {
			return l, errStage
		}
		all = all[size:]
		l.append(vec.Op(all[0]), all[1:n+1])
		all = all[n+1:]
	}
	return l, nil
}

var errStage = sqlerr.Errorf(sqlerr.DataCorrupted, "the rows staged for a table are damaged")
