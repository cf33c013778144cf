package operator

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// distinctRows counts the rows of each group and arguments. When its memory is
// full it learns no more of them: those that it does not know go to disk, and
// are told apart when the groups are complete.
type distinctRows struct {
	types   []types.Type // of the group and the arguments
	account *memory.Account
	table   *table
	counts  []int64
	full    int   // the rows from which such are looked for that are there no more
	held    int64 // bytes of counts
	noted   int64 // of what state says, as among knows it
	rest    *partitions
	level   int
	kept    *keptTable     // nil: nothing is stored
	first   []byte         // where they are stored as long as none is evicted
	prefix  []byte         // where evicted ones are
	evicted *evicted       // those that are not in table; nil: all are
	among   *evictedTables // what it shares with others of its operator; nil: it evicts none
	backlog backlog
	ids     []int32
	sel     selector
	other   []int32
	out     []int32
}

func newDistinctRows(ts []types.Type, account *memory.Account) *distinctRows {
	return &distinctRows{types: ts, account: account, table: newTable(ts, account, "DISTINCT")}
}

// changed returns the rows that bring a value into its group or take the last of
// it out.
func (d *distinctRows) changed(b *vec.Batch) ([]int32, error) {
	cols, sel := b.Cols[:len(d.types)], d.sel.of(b)
	d.ids = sized(d.ids, b.Rows)
	if d.rest != nil {
		d.table.lookup(cols, b.Rows, sel, d.ids)
	} else {
		known := d.table.Len()
		if err := d.table.assign(cols, b.Rows, sel, d.ids); err != nil {
			return nil, err
		}
		if err := d.grow(); err != nil {
			return nil, err
		}
		if err := d.fetch(known); err != nil {
			return nil, err
		}
	}
	if d.kept != nil {
		d.kept.touch(d.ids, sel)
	}
	d.out, d.other = d.out[:0], d.other[:0]
	for _, r := range sel {
		if d.ids[r] < 0 {
			d.other = append(d.other, r)
			continue
		}
		n := &d.counts[d.ids[r]]
		if b.Op(int(r)) == vec.Delete {
			*n--
			if *n == 0 {
				d.out = append(d.out, r)
			}
		} else {
			*n++
			if *n == 1 {
				d.out = append(d.out, r)
			}
		}
	}
	if d.rest == nil || len(d.other) == 0 {
		return d.out, nil
	}
	if err := d.table.comparable(cols, d.other); err != nil { // the parts do not see one another's rows
		return nil, err
	}
	return d.out, d.rest.add(b, cols, d.other)
}

// grow makes counts of those that are new in the table.
func (d *distinctRows) grow() error {
	for len(d.counts) < d.table.Len() {
		d.counts = append(d.counts, 0)
	}
	held := 8 * int64(cap(d.counts))
	if err := d.account.Resize(d.held, held); err != nil {
		return err
	}
	d.held = held
	d.note()
	return nil
}

// spill stops learning, unless that would help little.
func (d *distinctRows) spill() (err error) {
	if d.rest == nil && !small(d.table.held+d.held, d.account) {
		d.rest, err = newPartitions(d.types, d.level, d.account)
	}
	return err
}

// drain gives the rows that went to disk to take, which gives them to changed
// again.
func (d *distinctRows) drain(ctx context.Context, take func(*vec.Batch) error) error {
	for {
		if d.rest != nil {
			if err := d.backlog.push(d.rest); err != nil {
				return err
			}
			d.rest = nil
		}
		p, ok := d.backlog.pop()
		if !ok {
			return nil
		}
		d.forget()
		d.table = newTable(d.types, d.account, "DISTINCT")
		d.level = p.of.level + 1
		err := p.each(ctx, func(b *vec.Batch) error {
			if err := take(b); err != nil || !full(d.account) {
				return err
			}
			return d.spill()
		})
		if err != nil {
			return err
		}
		if err := p.of.done(); err != nil {
			return err
		}
	}
}

// forget gives the table back.
func (d *distinctRows) forget() {
	d.table.close()
	d.account.Release(d.held)
	d.counts, d.held = nil, 0
	d.note()
}

func (d *distinctRows) close() {
	d.evicted.close()
	d.forget()
	d.table = newTable(d.types, d.account, "DISTINCT")
	d.rest.close()
	d.rest = nil
	d.backlog.close()
	d.level = 0
}
