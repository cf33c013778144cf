package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestExport: what is imported is what was exported, all or nothing, at the epoch
// that the job is at.
func TestExport(t *testing.T) {
	open := func() (*Store, *Job) {
		s, err := Open(Options{InMemory: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		j := s.Job(NewID())
		if _, err := j.Recover(); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Rollback(); err != nil {
			t.Fatal(err)
		}
		return s, j
	}
	commit := func(j *Job, p Progress, keys ...string) {
		t.Helper()
		var b Batch
		for _, k := range keys {
			b.Set(Space{Operator: 17, Shard: 3}, []byte(k), []byte("value of "+k))
		}
		epoch := j.Next()
		if _, err := j.Prepare(epoch, &b, p); err != nil {
			t.Fatal(err)
		}
		if err := j.Commit(epoch); err != nil {
			t.Fatal(err)
		}
	}
	content := func(s *Store, j *Job) (all []string) {
		t.Helper()
		sn := s.Snapshot(j.ID())
		defer sn.Close()
		err := sn.Scan(j.ID(), Space{Operator: 17, Shard: 3}, nil, nil, func(k, v []byte) error {
			all = append(all, fmt.Sprintf("%s=%s", k, v))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := j.Progress()
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range p.Positions {
			all = append(all, fmt.Sprintf("%s/%s at %s", at.Source, at.Split, at.Offset))
		}
		for _, w := range p.Watermarks {
			all = append(all, fmt.Sprintf("%s/%s until %d", w.Source, w.Split, w.Micros))
		}
		return all
	}
	s, j := open()
	commit(j, Progress{
		Positions:  []Position{{"s", "0", []byte("5")}},
		Watermarks: []Watermark{{"s", "0", 99}},
		Tokens:     []Token{{"sink", []byte("token")}},
	}, "a", "b")
	sn := s.Snapshot(j.ID())
	var file bytes.Buffer
	if err := sn.Export(t.Context(), j.ID(), []byte("head"), &file); err != nil {
		t.Fatal(err)
	}
	sn.Close()
	if head, err := ReadExport(t.Context(), bytes.NewReader(file.Bytes()), nil); err != nil || string(head) != "head" {
		t.Fatalf("head %q, %v", head, err)
	}
	other, to := open()
	commit(to, Progress{Positions: []Position{{"s", "7", []byte("1")}}, Tokens: []Token{{"sink", []byte("own")}}}, "b", "c")
	was := content(other, to)
	damaged := slices.Clone(file.Bytes())
	damaged[len(damaged)-20] ^= 1
	for _, b := range [][]byte{nil, file.Bytes()[:file.Len()-1], damaged} {
		if err := to.Import(t.Context(), bytes.NewReader(b)); !errors.Is(err, ErrExport) {
			t.Fatalf("a damaged file: %v", err)
		}
		if got := content(other, to); !slices.Equal(got, was) {
			t.Fatalf("after a damaged file %q, want %q", got, was)
		}
	}
	epoch := to.Next()
	if err := to.Import(t.Context(), bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	if got, want := content(other, to), content(s, j); !slices.Equal(got, want) {
		t.Errorf("imported %q, want %q", got, want)
	}
	if to.Next() < epoch {
		t.Errorf("the next epoch is %d, and was %d", to.Next(), epoch)
	}
	rec, err := to.Recover()
	if err != nil || len(rec.Sinks) != 1 || string(rec.Sinks[0].Tokens[0].Token) != "own" {
		t.Errorf("sinks recover %v, %v: want the store's own token", rec.Sinks, err)
	}
}
