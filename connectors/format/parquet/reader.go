package parquet

import (
	"errors"
	"fmt"
	"io"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Options of a Reader.
type Options struct {
	// Filters are conditions over a scan's columns: a row group is passed over where its
	// statistics say that no row fulfils one. The rows that are read may still not.
	Filters []plan.Expr
	// At are, by the number that the filters have for a column, the reader's columns, -1
	// for those that it has not; nil: they are the same.
	At []int
	// Labels are what the values of enum types are called; nil: their numbers stand for
	// them.
	Labels func(types.OID) *types.Enum
}

// Place is before a row of a row group, both from 0. It stays right when row groups are
// added behind it.
type Place struct {
	Group int
	Row   int64
}

// Bad is a row of a batch that does not convert: its column is NULL.
type Bad struct {
	Row int
	Err error
}

// GroupError is what is wrong with a row group: what follows of it cannot be read.
type GroupError struct {
	Group int   // from 0
	Row   int64 // of it, that was to be read next
	Lost  int64 // rows from there to its end
	Err   error
}

func (e *GroupError) Error() string {
	return fmt.Sprintf("row group %d, from row %d on: %s", e.Group+1, e.Row+1, e.Err.Error())
}

func (e *GroupError) Unwrap() error { return e.Err }

// Reader reads rows of some columns. It belongs to one goroutine.
type Reader struct {
	file    *File
	columns []*column
	filters []plan.Expr
	at      []int
	pack    packer
	place   Place
	open    bool // place.Group has been taken up, at place.Row
	most    int  // rows of the group that are read at a time; 0: as many as are asked for
	bad     []Bad
	pruned  int
}

// NewReader compiles a reader of columns by their names: exactly, or else without regard
// to case, fields of a record that lies in another as a.b. A column that the file has
// not is NULL in every row. One whose type the file's does not convert to is an error.
func NewReader(f *File, columns []catalog.Column, o Options) (*Reader, error) {
	r := &Reader{file: f, filters: o.Filters, at: o.At}
	format := types.DefaultFormat()
	format.Enum = o.Labels
	for _, of := range columns {
		c, err := newColumn(f, of, &r.pack, format)
		if err != nil {
			return nil, err
		}
		r.columns = append(r.columns, c)
	}
	return r, nil
}

// Seek goes to a place. One behind the file's end is an error.
func (r *Reader) Seek(p Place) error {
	if p.Group < 0 || p.Group > r.file.Groups() || p.Row < 0 || p.Row > 0 && (p.Group == r.file.Groups() || p.Row > r.file.footer.groups[p.Group].rows) {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "it has %d row groups, and it was read up to row %d of row group %d", r.file.Groups(), p.Row, p.Group+1).
			WithHint("Put the file back, or create the stream again to read it from the start.")
	}
	r.place, r.open, r.most = p, false, 0
	return nil
}

// Place is where the next row is.
func (r *Reader) Place() Place { return r.place }

// Number is the next row's in the file, from 0.
func (r *Reader) Number() int64 {
	n := r.place.Row
	for i := range r.place.Group {
		n += r.file.footer.groups[i].rows
	}
	return n
}

// Pruned is how many row groups were passed over.
func (r *Reader) Pruned() int { return r.pruned }

// Bad are the rows of the last Read that did not convert, ascending.
func (r *Reader) Bad() []Bad { return r.bad }

// Read appends up to max rows, of one row group, to the columns, which are empty; io.EOF
// at the end. After a *GroupError the next Read goes on with the row group behind.
func (r *Reader) Read(cols []vec.Vec, max int) (n int, err error) {
	r.bad = r.bad[:0]
	groups := r.file.footer.groups
	for {
		if r.place.Group >= len(groups) {
			return 0, io.EOF
		}
		g := &groups[r.place.Group]
		if r.place.Row >= g.rows {
			r.place, r.open, r.most = Place{Group: r.place.Group + 1}, false, 0
			continue
		}
		if !r.open {
			if r.place.Row == 0 && !r.may(g) {
				r.pruned++
				r.place.Group++
				continue
			}
			if err := r.take(g); err != nil {
				return 0, r.damaged(g, err)
			}
		}
		n = int(min(int64(max), g.rows-r.place.Row))
		if r.most > 0 {
			n = min(n, r.most)
		}
		at, err := r.fill(cols, n)
		if err == nil {
			r.place.Row += int64(n)
			return n, nil
		}
		for _, col := range cols {
			col.Reset()
		}
		r.bad = r.bad[:0]
		if errors.Is(err, errCrowded) {
			// The group is taken up again at the same row.
			r.most, r.open = 1+n/8, false
			continue
		}
		return 0, r.damaged(g, at.named(err))
	}
}

// fill reads n rows into the columns; on an error it returns the column that has it.
func (r *Reader) fill(cols []vec.Vec, n int) (*column, error) {
	space := mostBatch
	if n == 1 {
		space = mostRow
	}
	for i, c := range r.columns {
		c.space = space
		if err := c.fill(cols[i], n, func(row int, err error) { r.spoil(row, c.named(err)) }); err != nil {
			return c, err
		}
		if space -= weight(cols[i]); space < 0 {
			return c, crowded(n)
		}
	}
	return nil, nil
}

const (
	// mostBatch is how many bytes of text and lists rows that are read at a time have,
	// about: where they have more, fewer are read. A value may be in a file once, and be
	// that of every row.
	mostBatch = 64 << 20
	// mostRow is how many one row has at most.
	mostRow = 512 << 20
)

var errCrowded = errors.New("the rows of a batch are too long")

// crowded is what is said of n rows that are longer than they may be together.
func crowded(n int) error {
	if n > 1 {
		return errCrowded
	}
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a row is longer than %d bytes", mostRow).WithHint("Select fewer of its columns, or write shorter values.")
}

// weight is how many bytes a column's values take that have no length of their type.
func weight(v vec.Vec) int {
	switch v := v.(type) {
	case *vec.Bytes:
		return len(v.Data)
	case *vec.List:
		return 16*v.Elem.Len() + weight(v.Elem)
	}
	return 0
}

// take takes up a row group at the place.
func (r *Reader) take(g *group) error {
	for _, c := range r.columns {
		if err := c.start(r.file, g); err != nil {
			return err
		}
		if r.place.Row > 0 {
			if err := c.skip(r.place.Row); err != nil {
				return err
			}
		}
	}
	r.open = true
	return nil
}

// damaged passes over the rest of a row group, unless it can be read another time.
func (r *Reader) damaged(g *group, err error) error {
	switch sqlerr.CodeOf(err) {
	case sqlerr.DataCorrupted, sqlerr.ProgramLimitExceeded, sqlerr.FeatureNotSupported:
	default:
		r.open = false
		return err
	}
	e := &GroupError{Group: r.place.Group, Row: r.place.Row, Lost: g.rows - r.place.Row, Err: err}
	r.place, r.open, r.most = Place{Group: r.place.Group + 1}, false, 0
	return e
}

// spoil notes a row, once.
func (r *Reader) spoil(row int, err error) {
	i := len(r.bad)
	for i > 0 && r.bad[i-1].Row >= row {
		i--
	}
	if i < len(r.bad) && r.bad[i].Row == row {
		return
	}
	r.bad = append(r.bad, Bad{})
	copy(r.bad[i+1:], r.bad[i:])
	r.bad[i] = Bad{Row: row, Err: err}
}

// Close frees what the reader holds.
func (r *Reader) Close() { r.pack.close() }
