package exec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/table"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// tableSource reads a table as a changelog: the rows there, and then what commits
// change. It has one split, whose offset is the version of the store that has been
// delivered whole.
type tableSource struct {
	engine   *Engine
	relation *catalog.Relation
	in       *table.Following
	job      *state.Job // whose positions hold the versions; nil: a query's
}

// tableSource is how a plan follows a table. All that one plan follows move
// together.
func (b *builder) tableSource(r *catalog.Relation) *tableSource {
	if b.follow == nil {
		b.follow = b.engine.o.Tables.Following()
	}
	return &tableSource{engine: b.engine, relation: r, in: b.follow, job: b.job}
}

// tableSplit is the one split of a table.
const tableSplit stream.Split = "rows"

func tableOffset(version uint64) stream.Offset { return binary.BigEndian.AppendUint64(nil, version) }

// tableVersion reads an offset of a table.
func tableVersion(o stream.Offset) (uint64, error) {
	if len(o) != 8 {
		return 0, sqlerr.Errorf(sqlerr.DataCorrupted, "a position in a table has %d bytes, and not 8", len(o))
	}
	return binary.BigEndian.Uint64(o), nil
}

func (s *tableSource) Splits(context.Context) ([]stream.Split, error) {
	return []stream.Split{tableSplit}, nil
}

// Open starts a reader. Rows come without end: a bounded read is a tableLeaf.
func (s *tableSource) Open(_ context.Context, from []stream.Position, spec stream.Scan) (stream.Reader, error) {
	if s.check() != nil {
		return nil, sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "table \"%s\" cannot be followed: this transaction has created or rewritten it, or another has dropped it", s.relation.Name).
			WithHint("COMMIT first: what is followed is what transactions have committed.")
	}
	r := &tableReader{source: s}
	resumed := stream.Resumed(from)
	if spec.Latest && !resumed {
		r.f = s.in.FollowFromNow(table.Describe(s.relation), spec.Columns)
		r.f.Check(s.check)
		return r, nil
	}
	r.f = s.in.Follow(table.Describe(s.relation), spec.Columns)
	r.f.Check(s.check)
	if !resumed {
		return r, nil
	}
	version, err := tableVersion(from[0].Offset)
	if err == nil {
		err = r.f.Resume(s.job, version)
	}
	if err != nil {
		r.f.Close()
		return nil, fmt.Errorf("following table %s: %w", s.relation.Name, err)
	}
	return r, nil
}

func (s *tableSource) Close() error { return nil }

// tableReader reads a follower.
type tableReader struct {
	source *tableSource
	f      *table.Follower
}

// Read returns changes. Only the last rows of a version have an offset, so that
// no position lies inside a commit.
func (r *tableReader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	read := stream.Read{Split: tableSplit}
	done, err := r.f.Next(ctx, b)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil || !done {
		return read, err
	}
	read.Next, read.CaughtUp = tableOffset(r.f.Version()), true
	return read, nil
}

// check fails where the table is not what the plan was made for.
func (s *tableSource) check() error {
	now := s.engine.o.Catalog.Snapshot().RelationByOID(s.relation.OID)
	switch {
	case catalog.Temporary(s.relation.Schema):
		return nil
	case now == nil || now.Table == nil || now.Table.Storage != s.relation.Table.Storage:
		return table.ErrRewritten(s.relation)
	}
	return nil
}

// Add does nothing: a table has one split, always.
func (r *tableReader) Add(context.Context, []stream.Position) error { return nil }

func (r *tableReader) Wake() { r.f.Wake() }

// Ack does nothing: the positions of the epoch hold the version.
func (r *tableReader) Ack(context.Context, []stream.Position) error { return nil }

func (r *tableReader) Close() error {
	r.f.Close()
	return nil
}

// torn reports whether some of the followed tables among the leaves have been
// delivered up to one version, and others not, or a transaction of another system in
// part: an epoch that ended now would show half a commit.
func torn(leaves []*leaf) bool {
	first, seen := uint64(0), false
	for _, l := range leaves {
		switch {
		case l.done:
		case l.parted:
			return true
		case l.scan.table == nil:
		case seen && l.version != first:
			return true
		default:
			first, seen = l.version, true
		}
	}
	return false
}

// arrived notes how far the changes of a followed table, or of another system's, have
// been delivered.
func (l *leaf) arrived(r stream.Read, rows int) error {
	if l.scan.table == nil && !l.scan.changes {
		return nil
	}
	l.parted = r.Next == nil && (l.parted || rows > 0)
	if r.Next == nil || l.scan.table == nil {
		return nil
	}
	var err error
	l.version, err = tableVersion(r.Next)
	return err
}

// follows is the version that the followed tables among the leaves have reached;
// 0: there are none.
func follows(leaves []*leaf) uint64 {
	for _, l := range leaves {
		if l.scan.table != nil {
			return l.version
		}
	}
	return 0
}

// followsTables reports whether a plan follows a table.
func followsTables(n plan.Node) bool {
	found := false
	plan.WalkNode(n, func(n plan.Node) bool {
		s, ok := n.(*plan.Scan)
		found = found || ok && s.Follow
		return !found
	})
	return found
}
