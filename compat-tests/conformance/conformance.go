// Package conformance is what every connector keeps to, as a suite of tests.
package conformance

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Run puts a connector through all that every connector keeps to. Each part has a
// fixture of its own.
func Run(t *testing.T, c stream.Connector, fixture func(t *testing.T, c stream.Connector) *Fixture) {
	for _, part := range []struct {
		name string
		test func(*testing.T, *Fixture)
	}{
		{"options", options}, {"bounded end", boundedEnd}, {"resume at every batch", resumeAtEveryBatch},
		{"wake", wake}, {"close leaves nothing", closeLeavesNothing}, {"sink epochs", sinkEpochs},
	} {
		t.Run(part.name, func(t *testing.T) {
			f := fixture(t, c)
			f.Connector = c
			f.Prepare()
			part.test(t, f)
		})
	}
}

func options(t *testing.T, f *Fixture) {
	for role, rel := range map[stream.Role]*catalog.Relation{stream.RoleSource: f.Source, stream.RoleSink: f.Sink} {
		if rel == nil {
			if err := f.Connector.Check(f.Env, Declare(f.Connector, "x", catalog.Stream), role); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported || sqlerr.From(err).Hint == "" {
				t.Errorf("no %v: %v, want 0A000 with a hint", role, err)
			}
			continue
		}
		full := *rel
		full.Options = slices.Clone(f.Required)
		for _, o := range f.Connector.Options(role) {
			if o.Help == "" {
				t.Errorf("option %q has no help", o.Key)
			}
			if _, there := full.Options.Get(o.Key); !there && o.Default != "" {
				full.Options = append(full.Options, catalog.Option{Key: o.Key, Value: o.Default})
			}
		}
		if err := f.Connector.Check(f.Env, &full, role); err != nil {
			t.Errorf("the defaults of a %v: %v", role, err)
		}
		for _, o := range stream.EngineOptions {
			if _, there := full.Options.Get(o.Key); !there {
				full.Options = append(full.Options, catalog.Option{Key: o.Key, Value: o.Default})
			}
		}
		if err := f.Connector.Check(f.Env, &full, role); err != nil {
			t.Errorf("the engine's options of a %v: %v", role, err)
		}
		full.Options = append(full.Options, catalog.Option{Key: "no.such.key", Value: "1"})
		if err := f.Connector.Check(f.Env, &full, role); sqlerr.CodeOf(err) != sqlerr.InvalidParameterValue || sqlerr.From(err).Hint == "" {
			t.Errorf("an unknown option of a %v: %v", role, err)
		}
	}
}

func boundedEnd(t *testing.T, f *Fixture) {
	if f.Source == nil {
		t.Skip("cannot be read")
	}
	complete(t, f, f.Read(t, nil))
}

func resumeAtEveryBatch(t *testing.T, f *Fixture) {
	if f.Source == nil {
		t.Skip("cannot be read")
	}
	complete(t, f, f.Read(t, map[stream.Split]stream.Offset{}))
}

func complete(t *testing.T, f *Fixture, got []int64) {
	t.Helper()
	slices.Sort(got)
	for i, id := range got {
		if id != int64(i) {
			t.Fatalf("row %d has id %d", i, id)
		}
	}
	if len(got) != f.Rows {
		t.Errorf("%d rows, want %d", len(got), f.Rows)
	}
}

// wake wakes a reader that waits, and cancels it.
func wake(t *testing.T, f *Fixture) {
	if f.Live == nil {
		t.Skip("has no endless source")
	}
	src, splits := f.openSource(t, f.Live)
	defer src.Close()
	r, err := src.Open(t.Context(), positions(splits, nil), stream.Scan{Columns: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := vec.NewBatch([]types.Type{types.Of(types.Int8)})
	for range 3 {
		done := make(chan error)
		go func() {
			_, err := r.Read(t.Context(), b)
			done <- err
		}()
		r.Wake()
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("woken: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("Read goes on after Wake")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for err = nil; err == nil; {
		_, err = r.Read(ctx, b)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// closeLeavesNothing closes everything twice and looks for goroutines.
func closeLeavesNothing(t *testing.T, f *Fixture) {
	before := goleak.IgnoreCurrent()
	for _, rel := range []*catalog.Relation{f.Source, f.Live} {
		if rel == nil {
			continue
		}
		src, splits := f.openSource(t, rel)
		r, err := src.Open(t.Context(), positions(splits, nil), stream.Scan{Columns: []int{0}, Bounded: rel == f.Source})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(t.Context(), vec.NewBatch([]types.Type{types.Of(types.Int8)})); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		for range 2 {
			if err := errors.Join(r.Close(), src.Close()); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	}
	if f.Sink != nil {
		s := f.OpenSink(t, stream.SinkOptions{})
		f.Write(t, s, 0, 10)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	}
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"), goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

// sinkEpochs goes through commits, a rollback, and a crash with an epoch
// prepared and rows of the next one written.
func sinkEpochs(t *testing.T, f *Fixture) {
	if f.Sink == nil {
		t.Skip("cannot be written to")
	}
	prepare := func(s stream.Sink, e stream.Epoch) []byte {
		token, err := s.Prepare(t.Context(), e)
		if err != nil || token == nil {
			t.Fatalf("epoch %d prepares to %v, %v", e, token, err)
		}
		return token
	}
	commit := func(s stream.Sink, e stream.Epoch, token []byte) {
		for range 2 {
			if err := s.Commit(t.Context(), e, token); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := f.OpenSink(t, stream.SinkOptions{Job: "j"})
	f.Write(t, s, 0, 10)
	token := prepare(s, 1)
	f.Write(t, s, 10, 20) // of epoch 2, before epoch 1 is decided
	commit(s, 1, token)
	for range 2 {
		if err := s.Rollback(t.Context(), 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.Write(t, s, 20, 30)
	prepare(s, 3)
	f.Write(t, s, 30, 40)
	if err := s.Close(); err != nil { // the crash
		t.Fatal(err)
	}
	s = f.OpenSink(t, stream.SinkOptions{Job: "j", Committed: 1, Token: token})
	commit(s, 1, token)
	if err := s.Rollback(t.Context(), 3, nil); err != nil {
		t.Fatal(err)
	}
	f.Write(t, s, 40, 50)
	commit(s, 4, prepare(s, 4))
	if _, lasts := s.(stream.Lasting); f.Holds != nil && lasts == f.TakesBack {
		t.Errorf("stream.Lasting: %v, and it takes rows back: %v", lasts, f.TakesBack)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if f.Holds == nil {
		return
	}
	got := f.Holds(t)
	for _, part := range [][2]int64{{0, 10}, {40, 50}} {
		for id := part[0]; id < part[1]; id++ {
			if n := count(got, id); n == 0 || f.TakesBack && n > 1 {
				t.Errorf("committed row %d is there %d times", id, n)
			}
		}
	}
	if f.TakesBack && len(got) != 20 {
		t.Errorf("%d rows, want the 20 committed: %v", len(got), got)
	}
}

func count(ids []int64, id int64) int {
	n := 0
	for _, x := range ids {
		if x == id {
			n++
		}
	}
	return n
}
