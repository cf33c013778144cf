package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// binCount is into how many bins rows are put: so many that the groups of one
// lie in a near cache when there are millions, and so few that the ends of all
// do.
const binCount = 256

// bins keep copies of rows of fixed size, in memory, each in the bin that its
// taker names. The rows of a bin stay in order.
type bins struct {
	types   []types.Type
	account *memory.Account
	parts   [binCount][]*vec.Batch // the last one takes the next row
	rows    [binCount]uint16       // of the last one
	columns []vec.Bins             // of the last ones
	batch   int64                  // bytes of one
	held    int64                  // of all
	to      []uint8
	at      []uint16
}

// rowWidth is how many bytes a row of columns of these types takes; ok is false
// where rows differ in that.
func rowWidth(ts []types.Type) (width int64, ok bool) {
	for _, t := range ts {
		switch types.Lookup(t.OID).Phys {
		case types.PhysBool:
			width++
		case types.PhysInt16:
			width += 2
		case types.PhysInt32, types.PhysUint32, types.PhysFloat32:
			width += 4
		case types.PhysInt64, types.PhysFloat64:
			width += 8
		default:
			return 0, false
		}
	}
	return width, true
}

// binsSize is what bins of such rows hold at least.
func binsSize(width int64) int64 { return binCount * vec.MaxRows * width }

// newBins returns bins of rows of one width.
func newBins(ts []types.Type, account *memory.Account) *bins {
	width, _ := rowWidth(ts)
	p := &bins{types: ts, account: account, batch: vec.MaxRows * width}
	for _, t := range ts {
		c, _ := vec.NewBins(t)
		p.columns = append(p.columns, c)
	}
	for bin := range p.parts {
		p.extend(bin)
	}
	return p
}

// extend makes a batch that takes the next rows of a bin.
func (p *bins) extend(bin int) {
	p.seal(bin)
	b := &vec.Batch{Cols: make([]vec.Vec, len(p.columns))}
	for i, c := range p.columns {
		b.Cols[i] = c.Begin(uint8(bin))
	}
	p.parts[bin], p.rows[bin] = append(p.parts[bin], b), 0
	p.charge(p.batch)
}

// seal gives the last batch of a bin the rows that it has.
func (p *bins) seal(bin int) {
	all := p.parts[bin]
	if len(all) == 0 {
		return
	}
	b := all[len(all)-1]
	b.Rows = int(p.rows[bin])
	for _, c := range b.Cols {
		vec.Truncate(c, b.Rows)
	}
}

func (p *bins) charge(n int64) {
	p.held += n
	p.account.Force(n)
}

// add copies the rows of sel, the k-th into bin to[k].
func (p *bins) add(b *vec.Batch, sel []int32, to []uint8) {
	var more [binCount]uint16
	for _, bin := range to {
		more[bin]++
	}
	for bin, n := range more {
		if p.rows[bin]+n > vec.MaxRows {
			p.extend(bin)
		}
	}
	p.at = sized(p.at, len(to))
	for k, bin := range to {
		p.at[k] = p.rows[bin]
		p.rows[bin]++
	}
	for i, c := range b.Cols {
		p.columns[i].Put(c, sel, to, p.at)
	}
}

// take calls f with the rows of a bin, and gives them back. It takes no more.
func (p *bins) take(bin int, f func(b *vec.Batch) error) error {
	p.seal(bin)
	for _, b := range p.parts[bin] {
		p.charge(-p.batch)
		if b.Rows == 0 {
			continue
		}
		if err := f(b); err != nil {
			return err
		}
	}
	p.parts[bin] = nil
	return nil
}

// close gives the rows back.
func (p *bins) close() {
	if p != nil {
		p.charge(-p.held)
		*p = bins{}
	}
}
