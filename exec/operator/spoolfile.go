package operator

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// SpoolFile is one file for many spools that are read in order, so that a
// descriptor is not spent on each. It is freed when none of them has rows there.
type SpoolFile struct {
	Account *memory.Account // of the spools' rows
	file    *memory.File    // nil: none of them has rows there
	users   int             // those that have
}

// NewSpoolFile returns a file that is made when a spool first writes.
func NewSpoolFile(account *memory.Account) *SpoolFile { return &SpoolFile{Account: account} }

// Spool returns an empty spool, as NewSpool does.
func (f *SpoolFile) Spool(ts []types.Type, what string) *Spool {
	s := NewSpool(ts, f.Account, what)
	s.shared = f
	return s
}

// Relieve writes the rows of spools, where the account is pressed.
func (f *SpoolFile) Relieve(all []*Spool) error {
	if !f.Account.Pressed() {
		return nil
	}
	for _, s := range all {
		if len(s.chunks) == 0 {
			continue
		}
		if err := s.write(); err != nil {
			return err
		}
	}
	return nil
}

// open returns the file for one more user.
func (f *SpoolFile) open() (*memory.File, error) {
	if f.file == nil {
		var err error
		if f.file, err = f.Account.NewFile(); err != nil {
			return nil, err
		}
	}
	f.users++
	return f.file, nil
}

// release ends the use of one spool.
func (f *SpoolFile) release() {
	if f.users--; f.users == 0 {
		_ = f.file.Close() // nobody reads it any more
		f.file = nil
	}
}
