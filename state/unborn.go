package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// removeUnborn deletes log files of no length. Badger makes a log in two steps,
// creating it and giving it its size; if the process dies between them, Badger
// v4.9 takes the file for a new one at the next start and refuses to open. Such a
// file has never held anything.
func removeUnborn(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err == nil && info.Size() == 0 {
				err = os.Remove(path)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("removing an empty log of the state store: %w", err)
			}
		}
	}
	return nil
}

// syncLogs makes durable what is in Badger's logs. What a killed process wrote and
// did not sync is read by the next one, and what that builds on it, synced, must not
// outlive it.
func syncLogs(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err == nil {
				err = errors.Join(f.Sync(), f.Close())
			}
			if err != nil {
				return fmt.Errorf("syncing a log of the state store: %w", err)
			}
		}
	}
	return nil
}
