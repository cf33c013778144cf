package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// unmerged is how many tables of a directory are not merged into the tree, when the
// logs that the last process left have become tables, too. Opening a store makes them
// such, and would wait for merges where that are more than may be there: after a kill
// in the middle of a load, for seconds that nobody needs to wait.
func unmerged(dir string) (int, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "*.mem"))
	if err != nil {
		return 0, err
	}
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return len(logs), nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the manifest of the state store: %w", err)
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil || len(m.Levels) == 0 {
		return len(logs), nil // Open says what is wrong with it
	}
	return len(logs) + len(m.Levels[0].Tables), nil
}
