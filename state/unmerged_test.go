package state

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// TestOpenWaitsForNoMerge: a store that was killed with as many tables unmerged as may
// be opens at once, without merging any.
func TestOpenWaitsForNoMerge(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir})
	ok(t, err)
	ok(t, s.Close())
	// Badger without a compactor: what is written stays in level 0.
	at := filepath.Join(dir, storeDir)
	bo := badger.DefaultOptions(at).WithLogger(nil).WithMemTableSize(1 << 20).WithNumCompactors(0).WithNumLevelZeroTablesStall(1000).WithCompression(0).WithValueThreshold(64 << 10)
	db, err := badger.OpenManaged(bo)
	ok(t, err)
	value := make([]byte, 8<<10)
	tables := func() int { return db.Levels()[0].NumTables }
	const most = 100
	for i := 0; i < most && tables() < levelZeroStall+3; i++ {
		w := db.NewWriteBatchAt(math.MaxUint32)
		for j := range 100 {
			ok(t, w.SetEntryAt(badger.NewEntry(fmt.Appendf(nil, "key %03d %03d", i, j), value), 1))
		}
		ok(t, w.Flush())
	}
	ok(t, db.Close())
	have := tables()
	if have < levelZeroStall+3 {
		t.Fatalf("%d unmerged tables of %d writes", have, most)
	}
	unread := filepath.Join(at, "99999"+logSuffix)
	ok(t, os.WriteFile(unread, []byte("a log that becomes a table"), 0o600))
	if n, err := unmerged(at); n != have+1 || err != nil {
		t.Errorf("%d unmerged tables, %v; want %d and a log", n, err, have)
	}
	ok(t, os.Remove(unread))
	db, err = s.openBadger(Options{Dir: dir})
	ok(t, err)
	if stall := db.Opts().NumLevelZeroTablesStall; stall < have+memTables {
		t.Errorf("writers wait from %d tables on, with %d there", stall, have)
	}
	ok(t, db.Close())

	if n, err := unmerged(t.TempDir()); n != 0 || err != nil {
		t.Errorf("an empty directory has %d unmerged tables, %v", n, err)
	}
}
