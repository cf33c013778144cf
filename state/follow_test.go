package state

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// commitTables writes one page of the tables and returns the version.
func commitTables(t *testing.T, s *Store, key, value string) uint64 {
	t.Helper()
	sn, err := s.Commit(TableChange{Writes: eachOf([]Write{{Space: pages, Key: []byte(key), Value: []byte(value)}})}, nil)
	ok(t, err)
	defer sn.Close()
	return sn.Version(TablesID)
}

// followed commits an epoch whose positions are at a version of the tables.
func followed(t *testing.T, j *Job, version uint64) {
	t.Helper()
	e := j.Next()
	_, err := j.Prepare(e, &Batch{}, Progress{Follows: version})
	ok(t, err)
	ok(t, j.Commit(e))
}

// TestFollowedVersionIsKept: the version of the tables that a job has reached
// stays readable over starts, until the job has got further.
func TestFollowedVersionIsKept(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, memTable: testMemTable})
	j := begun(t, s)
	at := commitTables(t, s, "k", "old")
	followed(t, j, at)
	for i := range 100 {
		commitTables(t, s, "k", fmt.Sprint("new", i))
	}
	check := func(s *Store, want string) {
		t.Helper()
		ok(t, s.db.Flatten(1)) // whatever may be discarded is
		sn, err := s.Job(j.ID()).Reopen(at)
		ok(t, err)
		defer sn.Close()
		v, _, err := sn.Get(TablesID, pages, []byte("k"), nil)
		ok(t, err)
		expect(t, "the followed version", string(v), want)
	}
	check(s, "old")
	ok(t, s.Close())
	s = open(t, Options{Dir: dir, memTable: testMemTable})
	check(s, "old")
	j = s.Job(j.ID())
	_, err := j.Rollback()
	ok(t, err)
	now := commitTables(t, s, "k", "newest")
	followed(t, j, now)
	if _, err := j.Reopen(at); !errors.Is(err, ErrDiscarded) {
		t.Errorf("reading below the job's position = %v, want ErrDiscarded", err)
	}
	if s.discard < now {
		t.Errorf("versions from %d on are kept, want from %d on", s.discard, now)
	}
}

// TestFollowerFarBehind: a job holds back so many versions and no more.
func TestFollowerFarBehind(t *testing.T) {
	s := open(t, Options{InMemory: true, followLimit: 50})
	j := begun(t, s)
	at := commitTables(t, s, "k", "old")
	followed(t, j, at)
	commitTables(t, s, "k", "new")
	sn, err := j.Reopen(at)
	ok(t, err)
	sn.Close()
	for range 60 {
		commitTables(t, s, "k", "newer")
	}
	if _, err := j.Reopen(at); !errors.Is(err, ErrDiscarded) {
		t.Errorf("Reopen = %v, want ErrDiscarded", err)
	}
	if s.discard <= at {
		t.Errorf("versions from %d on are kept for a job at %d that is too far behind", s.discard, at)
	}
}

// TestRestoredFollower: a backup has no older versions.
func TestRestoredFollower(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	j := begun(t, s)
	at := commitTables(t, s, "k", "old")
	followed(t, j, at)
	commitTables(t, s, "k", "new")
	var file bytes.Buffer
	ok(t, s.Backup(t.Context(), &file))
	dir := filepath.Join(t.TempDir(), "restored")
	ok(t, Restore(t.Context(), dir, &file))
	r := open(t, Options{Dir: dir})
	if _, err := r.Job(j.ID()).Reopen(at); !errors.Is(err, ErrDiscarded) {
		t.Errorf("Reopen in a restored store = %v, want ErrDiscarded", err)
	}
}
