package exec

import (
	"bytes"
	"context"
	"maps"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// gate stops the readers of several jobs at one place of each of their streams' splits:
// where the one that has read furthest stands when all of them have stopped. Those behind
// go on up to there.
type gate struct {
	// stands says where a pump has stopped. There is room for two of each pump: where it
	// stands, and that it has ended.
	stands chan stand
	orders map[*pump]chan order // of each, one at a time
	open   chan struct{}        // closed: all go on
}

// stand is where a pump has stopped.
type stand struct {
	pump *pump
	at   map[stream.Split]stream.Offset
	ends stream.Ender // of what it reads; nil: that cannot tell which of two places is further
	over bool         // it reads no more
}

// order is what a pump that has stopped is to do: read on up to a place of each split, or,
// where there is none, tell its task that it stands still.
type order struct {
	to map[stream.Split]stream.Offset
}

// closeGate has pumps stop with their next Read.
func closeGate(pumps []*pump) *gate {
	g := &gate{stands: make(chan stand, 2*len(pumps)), orders: map[*pump]chan order{}, open: make(chan struct{})}
	for _, p := range pumps {
		g.orders[p] = make(chan order, 1)
	}
	for _, p := range pumps {
		p.gate.Store(g)
		if p.over.Load() && p.gate.CompareAndSwap(g, nil) {
			g.stands <- stand{pump: p, over: true} // there is room
		}
		p.leaf.scan.wake()
	}
	return g
}

// release has all pumps go on.
func (g *gate) release() {
	close(g.open)
	for p := range g.orders {
		p.gate.CompareAndSwap(g, nil) // one that has not stopped need not
		p.leaf.scan.wake()
	}
}

// opened reports whether the pumps may go on.
func (g *gate) opened() bool {
	select {
	case <-g.open:
		return true
	default:
		return false
	}
}

// stand is where the pump has read to.
func (p *pump) stand() stand {
	ends, _ := p.leaf.scan.source.(stream.Ender)
	return stand{pump: p, at: maps.Clone(p.places), ends: ends}
}

// attend stops the pump until the gate opens.
func (p *pump) attend(ctx context.Context, g *gate) (err error) {
	ended := true
	defer func() {
		if ended {
			g.stands <- stand{pump: p, over: true} // there is room
		}
	}()
	g.stands <- p.stand() // there is room
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.open:
			ended = false
			return nil
		case call := <-p.calls:
			if err := call(ctx, p.leaf.scan.reader); err != nil {
				return err
			}
		case o := <-g.orders[p]:
			if o.to == nil {
				select {
				case p.out <- item{from: p, mark: g}:
				case <-g.open:
				case <-ctx.Done():
				}
				continue
			}
			if err := p.reach(ctx, g, o.to); err != nil || ctx.Err() != nil {
				return err
			}
			g.stands <- p.stand() // there is room: what it said before has been taken
		}
	}
}

// reach reads on up to some places. A reader that cannot stop there, or whose source cannot
// tell where they are, reads once.
func (p *pump) reach(ctx context.Context, g *gate, to map[stream.Split]stream.Offset) error {
	limited, exact := p.leaf.scan.reader.(stream.Limited)
	if exact = exact && p.stand().ends != nil; exact {
		var at []stream.Position
		for split, offset := range to {
			at = append(at, stream.Position{Split: split, Offset: offset})
		}
		limited.Limit(at)
		defer limited.Limit(nil)
	}
	for first := true; first || exact && p.stand().before(to); first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-g.open:
			return nil
		case b := <-p.free:
			if err := p.serve(ctx); err != nil {
				return err
			}
			p.heed()
			if g.opened() {
				p.free <- b // there is room: it came from there
				return nil
			}
			if _, _, err := p.read(ctx, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// before reports whether less of a split has been read than up to its place.
func (s stand) before(to map[stream.Split]stream.Offset) bool {
	for split, offset := range to {
		if !s.reached(split, s.at[split], offset) {
			return true
		}
	}
	return false
}

// reached reports whether a place in a split is another, or behind it. Where that cannot be
// told, equal ones are.
func (s stand) reached(split stream.Split, at, place stream.Offset) bool {
	return at != nil && (bytes.Equal(at, place) || s.ends != nil && s.ends.Reached(split, at, place))
}

// furthest are the furthest of some places in the splits of each stream.
func furthest(stands map[*pump]stand) map[types.OID]map[stream.Split]stream.Offset {
	all := map[types.OID]map[stream.Split]stream.Offset{}
	for p, s := range stands {
		oid := p.leaf.scan.plan.Relation.OID
		if all[oid] == nil {
			all[oid] = map[stream.Split]stream.Offset{}
		}
		for split, offset := range s.at {
			if now, ok := all[oid][split]; !ok || !s.reached(split, now, offset) {
				all[oid][split] = offset
			}
		}
	}
	return all
}

// left is how far a pump that stands still is to read on; nil: no further. A split of which
// it has read nothing is one that it has not got to, or another task's, or, with bounds of
// its own, does not read.
func (s stand) left(furthest map[stream.Split]stream.Offset) map[stream.Split]stream.Offset {
	scan := s.pump.leaf.scan
	if s.over || scan.spec.Until != (stream.Bound{}) {
		return nil
	}
	to := map[stream.Split]stream.Offset{}
	for split, offset := range furthest {
		if _, ok := s.at[split]; ok || scan.owns(split) && scan.spec.From == (stream.Bound{}) {
			to[split] = offset
		}
	}
	if !s.before(to) {
		return nil
	}
	return to
}
