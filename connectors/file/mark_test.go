package file

import (
	"path/filepath"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestSinkKeepsOthersRows has others write to the file of a job that is stopped,
// and the job then crash before it commits again.
func TestSinkKeepsOthersRows(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	s := openSink(t, p, stream.SinkOptions{Job: "j", ID: "1"})
	put(t, s, 1)
	token := prepare(t, s, 1)
	commit(t, s, 1, token)
	s.Close()
	for _, o := range []stream.SinkOptions{{}, {Job: "k", ID: "2"}} {
		s = openSink(t, p, o)
		put(t, s, 2)
		commit(t, s, 1, prepare(t, s, 1))
		s.Close()
	}
	for range 2 {
		s = openSink(t, p, stream.SinkOptions{Job: "j", ID: "1", Committed: 1, Token: token})
		commit(t, s, 1, token)
		put(t, s, 3)
		prepare(t, s, 2)
		s.Close() // with an undecided epoch: as a crash leaves it
	}
	s = openSink(t, p, stream.SinkOptions{Job: "j", ID: "1", Committed: 1, Token: token})
	commit(t, s, 1, token)
	put(t, s, 4)
	token = prepare(t, s, 3)
	commit(t, s, 3, token)
	put(t, s, 3)
	prepare(t, s, 4)
	s.Close()
	openSink(t, p, stream.SinkOptions{Job: "j", ID: "1", Committed: 3, Token: token}).Close()
	holds(t, p, row1+row2+row2+row4)
}

// TestSinkAfterAnothersCrash: only the job that crashed knows what it committed.
func TestSinkAfterAnothersCrash(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.json")
	s := openSink(t, p, stream.SinkOptions{Job: "j", ID: "1"})
	put(t, s, 1)
	token := prepare(t, s, 1)
	s.Close() // as a crash after the decision
	rel := relation(p)
	rel.Kind = catalog.Sink
	for _, o := range []stream.SinkOptions{{}, {Job: "k", ID: "2"}, {Job: "j", ID: "3"}} {
		if _, err := (Connector{}).Sink(t.Context(), env(filepath.Dir(p)), rel, o); sqlerr.CodeOf(err) != sqlerr.ObjectInUse {
			t.Errorf("%+v: %v, want 55006", o, err)
		}
	}
	s = openSink(t, p, stream.SinkOptions{Job: "j", ID: "1", Committed: 1, Token: token})
	commit(t, s, 1, token)
	s.Close()
	s = openSink(t, p, stream.SinkOptions{})
	put(t, s, 2)
	prepare(t, s, 1)
	s.Close() // a transaction that crashed is nobody's
	s = openSink(t, p, stream.SinkOptions{Job: "k", ID: "2"})
	put(t, s, 3)
	commit(t, s, 1, prepare(t, s, 1))
	s.Close()
	holds(t, p, row1+row3)
}
