package function

import "github.com/ferrisstreams/ferrisstreams/exec/vec"

// Errors are the rows of a batch for which an expression failed, and why. The
// value of such a row means nothing. The methods that read accept nil.
type Errors struct {
	rows vec.Bitmap
	errs []error // by row, where rows has it
}

// Any reports whether a row failed.
func (e *Errors) Any() bool { return e != nil && e.rows.Any() }

// At returns the error of a row, nil where it has none.
func (e *Errors) At(row int) error {
	if e == nil || !e.rows.Get(row) {
		return nil
	}
	return e.errs[row]
}

// Has reports whether a row failed.
func (e *Errors) Has(row int) bool { return e != nil && e.rows.Get(row) }

// First returns the error of the lowest row that failed, nil where none did.
func (e *Errors) First() error {
	if e != nil {
		for row := range e.rows.Rows {
			return e.errs[row]
		}
	}
	return nil
}

// Rows are the rows that failed.
func (e *Errors) Rows() *vec.Bitmap { return &e.rows }

// Set marks a row as failed. A row keeps its first error.
func (e *Errors) Set(row int, err error) {
	if e.rows.Get(row) {
		return
	}
	e.rows.Set(row)
	for len(e.errs) <= row {
		e.errs = append(e.errs, nil)
	}
	e.errs[row] = err
}

// Reset forgets every error.
func (e *Errors) Reset() {
	if e.rows.Any() {
		e.rows.Reset()
		clear(e.errs)
		e.errs = e.errs[:0]
	}
}
