package operator

import (
	"context"
	"errors"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// fanOut is the number of parts that rows are split into at once.
const fanOut = 16

// partitions splits rows by the hash of their keys into parts on disk, each of
// which is then worked off alone: rows of equal keys are in one part. What is
// too much in a part is split anew at the next level, by other bits.
type partitions struct {
	types   []types.Type // of the keys
	level   int
	account *memory.Account
	file    *memory.File
	parts   [fanOut]runWriter
	held    int64
	hashes  []uint64
	sels    [fanOut][]int32
	left    int // parts that nobody has closed
}

func newPartitions(keyTypes []types.Type, level int, account *memory.Account) (*partitions, error) {
	file, err := account.NewFile()
	if err != nil {
		return nil, err
	}
	p := &partitions{types: keyTypes, level: level, account: account, file: file, left: fanOut}
	most := max(frameSize(account, fanOut), leastFrame)
	for i := range p.parts {
		p.parts[i].most = most
	}
	return p, nil
}

// add puts the rows of sel of b into the parts of their keys.
func (p *partitions) add(b *vec.Batch, keys []vec.Vec, sel []int32) error {
	if len(sel) == 0 {
		return nil
	}
	if cap(p.hashes) < b.Rows {
		p.hashes = make([]uint64, max(b.Rows, vec.MaxRows))
	}
	h := p.hashes[:b.Rows]
	clear(h)
	for i, k := range keys {
		vec.Hash(k, p.types[i], sel, h)
	}
	for i := range p.sels {
		p.sels[i] = p.sels[i][:0]
	}
	salt := uint64(p.level+1) * 0x9e3779b97f4a7c15
	for _, r := range sel {
		x := (h[r] ^ salt) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>31) * 0x94d049bb133111eb
		part := x >> 60
		p.sels[part] = append(p.sels[part], r)
	}
	held := int64(0)
	for i := range p.parts {
		if err := p.parts[i].add(p.file, b, p.sels[i]); err != nil {
			return err
		}
		held += p.parts[i].bytes()
	}
	p.account.Force(held - p.held)
	p.held = held
	return nil
}

// finish writes what is gathered: the parts are complete.
func (p *partitions) finish() error {
	for i := range p.parts {
		if err := p.parts[i].flush(p.file); err != nil {
			return err
		}
		p.parts[i].shrink()
	}
	p.account.Release(p.held)
	p.held = 0
	return nil
}

// done says that a part is not read any more. With the last one the file is
// closed.
func (p *partitions) done() error {
	if p.left--; p.left == 0 {
		return p.file.Close()
	}
	return nil
}

// rows is how many rows all parts have.
func (p *partitions) rows() int64 {
	n := int64(0)
	for i := range p.parts {
		n += p.parts[i].run.Rows()
	}
	return n
}

// close gives back what is held.
func (p *partitions) close() {
	if p == nil {
		return
	}
	p.account.Release(p.held)
	p.held = 0
	_ = p.file.Close() // nobody reads it any more
}

// part is one part of partitions that are finished.
type part struct {
	of *partitions
	n  int
}

// rows is how many rows the part has.
func (p part) rows() int64 { return p.of.parts[p.n].run.Rows() }

// each calls f with the part's batches, in the order in which they came.
func (p part) each(ctx context.Context, f func(b *vec.Batch) error) error {
	r := p.of.parts[p.n].reader(p.of.file)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(b); err != nil {
			return err
		}
	}
}

// backlog are the parts that are to be worked off, the last first, so that the
// parts of a part come before its neighbours and their files go soon.
type backlog struct{ parts []part }

// push finishes partitions and puts its parts onto the pile.
func (l *backlog) push(p *partitions) error {
	if err := p.finish(); err != nil {
		return err
	}
	for n := range p.parts {
		l.parts = append(l.parts, part{p, n})
	}
	return nil
}

// pop takes the next part, which the caller ends with done.
func (l *backlog) pop() (p part, ok bool) {
	if len(l.parts) == 0 {
		return part{}, false
	}
	p = l.parts[len(l.parts)-1]
	l.parts = l.parts[:len(l.parts)-1]
	return p, true
}

// close gives back the files of parts that were not worked off.
func (l *backlog) close() {
	for _, p := range l.parts {
		p.of.close()
	}
	l.parts = nil
}
