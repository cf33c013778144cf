package catalog

import (
	"fmt"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// oidCounter gives out OIDs, none twice over all starts: a limit above them is
// durable first, and a start begins at the limit.
type oidCounter struct {
	store *state.Store
	mu    sync.Mutex
	next  types.OID
	limit types.OID
}

// oidLease is how many OIDs one durable write reserves, and so how many a start
// may skip.
const oidLease = 256

func (o *oidCounter) take() (types.OID, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next >= o.limit {
		if o.limit > types.MaxRelation-oidLease {
			return 0, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "no object identifiers are left in this data directory")
		}
		limit := o.limit + oidLease
		err := o.store.Update(func(w *state.Writer) error {
			w.Set([]byte{keyOIDs}, encode(storedOIDs{objectFormat, limit}))
			return nil
		})
		if err != nil {
			return 0, fmt.Errorf("reserving object identifiers: %w", err)
		}
		o.limit = limit
	}
	oid := o.next
	o.next++
	return oid, nil
}
