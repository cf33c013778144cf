package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// filled is a store with a catalog, tables, and a job whose last epoch is prepared.
func filled(t *testing.T) (*Store, *Job) {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir(), memTable: testMemTable})
	var tables []Write
	for i := range 500 {
		tables = append(tables, Write{Space: pages, Key: fmt.Appendf(nil, "t%03d", i), Value: bytes.Repeat([]byte{byte(i)}, 300)})
	}
	sn, err := s.Commit(TableChange{Writes: eachOf(tables)}, func(w *Writer) error { w.Set([]byte("c"), []byte("1")); return nil })
	ok(t, err)
	sn.Close()
	j := begun(t, s)
	_, err = j.Prepare(j.Next(), mustBatch("a", "1"), Progress{Positions: []Position{{"source", "0", []byte("7")}}, Tokens: []Token{{"sink", []byte("x")}}})
	ok(t, err)
	ok(t, j.Commit(1))
	ok(t, j.Delivered(1, "sink"))
	prepare(t, j, 2, "a", "2")
	return s, j
}

func mustBatch(key, value string) *Batch {
	var b Batch
	b.Set(pages, []byte(key), []byte(value))
	return &b
}

func TestBackupIsOneCut(t *testing.T) {
	s, j := filled(t)
	var file bytes.Buffer
	ok(t, s.Backup(t.Context(), &file))
	ok(t, s.Update(func(w *Writer) error { w.Set([]byte("c"), []byte("later")); return nil }))

	dir := filepath.Join(t.TempDir(), "restored")
	ok(t, Restore(t.Context(), dir, bytes.NewReader(file.Bytes())))
	r := open(t, Options{Dir: dir})
	got := ""
	ok(t, r.Scan(nil, func(k, v []byte) error { got += string(k) + "=" + string(v) + " "; return nil }))
	expect(t, "the catalog", got, "c=1 ")
	sn, was := r.Snapshot(), s.Snapshot()
	defer sn.Close()
	defer was.Close()
	content := func(sn *Snapshot) (all []string) {
		ok(t, sn.Scan(TablesID, pages, nil, nil, func(k, v []byte) error { all = append(all, string(k)+string(v)); return nil }))
		return all
	}
	expect(t, "the tables", content(sn), content(was))
	restored := r.Job(j.ID())
	expect(t, "the job's pages", committed(t, r, restored), "a=1 ")
	rec, err := restored.Recover()
	ok(t, err)
	expect(t, "its recovery", rec, Recovery{Epoch: 1, Version: rec.Version,
		Sinks: []SinkRecovery{{Sink: "sink", Delivered: 1, Tokens: []EpochToken{{1, []byte("x")}}}}})
	if next := restored.Next(); next < 3 {
		t.Errorf("epoch %d is next; 2 may have been seen by sinks", next)
	}
	p, err := restored.Progress()
	ok(t, err)
	expect(t, "its positions", p.Positions, []Position{{"source", "0", []byte("7")}})
	before, err := s.NewVersion()
	ok(t, err)
	_, err = restored.Rollback()
	ok(t, err)
	prepare(t, restored, restored.Next(), "a", "3")
	now, err := r.NewVersion()
	ok(t, err)
	if now <= before {
		t.Errorf("version %d was given after %d", now, before)
	}
}

func TestDamagedBackupIsRefused(t *testing.T) {
	s, _ := filled(t)
	var file bytes.Buffer
	ok(t, s.Backup(t.Context(), &file))
	whole := file.Bytes()
	for name, damaged := range map[string][]byte{
		"empty":             {},
		"no backup":         []byte("SELECT 1; this is some other file"),
		"cut short":         whole[:len(whole)-1],
		"cut in half":       whole[:len(whole)/2],
		"a bit":             append(append(bytes.Clone(whole[:len(whole)/2]), whole[len(whole)/2]^4), whole[len(whole)/2+1:]...),
		"of a later format": append(append([]byte(backupMagic), 0, 0, 0, 9), whole[len(backupMagic)+4:]...),
	} {
		dir := t.TempDir()
		if err := Restore(t.Context(), dir, bytes.NewReader(damaged)); !errors.Is(err, ErrBackup) {
			t.Errorf("%s: %v, want ErrBackup", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, storeDir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a store is left: %v", name, err)
		}
		if err := Restore(t.Context(), dir, bytes.NewReader(whole)); err != nil {
			t.Errorf("%s: a whole backup after it: %v", name, err)
		}
	}
	full := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(full, "x"), nil, 0o600))
	if err := Restore(t.Context(), full, bytes.NewReader(whole)); err == nil {
		t.Error("a directory that is not empty was restored into")
	}
}
