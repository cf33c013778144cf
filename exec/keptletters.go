package exec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// What a sink refuses of rows that were staged is of an epoch that is committed already:
// as a dead letter it is of a later one. Before the sink, or the table, has the rest of its
// epoch it must be certain that the letters will be there, once.
//
// A staged sink waits until an epoch of the job's has them, which also says so, beside the
// rows that are staged (stagedSink.putAside). A table is written to at a start, when no epoch
// runs: what it refuses is put into the committed epoch, from where a start takes it until
// the next epoch has it as dead letters.

// lettersPart is the first part of what is kept of an epoch's refused rows.
const lettersPart = 1 << 31

// keepRefused keeps, as part of what the job has committed, what a table has refused of an
// epoch, in the place of what was kept of it before.
func (g *tableStage) keepRefused(handle *state.Job, e stream.Epoch, refused []stream.Reject) error {
	var all []byte
	for _, r := range refused {
		for _, text := range [][]byte{[]byte(sqlerr.CodeOf(r.Err)), []byte(r.Err.Error()), r.Key, r.Raw} {
			all = append(binary.AppendUvarint(all, uint64(len(text))), text...)
		}
	}
	var pages state.Batch
	n := 0
	for part := range slices.Chunk(all, stagePart) {
		key := stageKey(e, lettersPart+n)
		pages.Set(g.space, key, part)
		g.old = append(g.old, key)
		n++
	}
	err := g.eachKept(e, func(key, _ []byte) {
		if bytes.Compare(key, stageKey(e, lettersPart+n)) >= 0 {
			pages.Delete(g.space, key)
		}
	})
	if err == nil {
		err = handle.Amend(&pages)
	}
	if err != nil {
		return fmt.Errorf("keeping %d rows that are refused of epoch %d: %w", len(refused), e, err)
	}
	slices.SortFunc(g.old, bytes.Compare)
	g.old = slices.CompactFunc(g.old, bytes.Equal) // a key is in an epoch once
	return nil
}

// eachKept calls fn with what is kept of an epoch's refused rows.
func (g *tableStage) eachKept(e stream.Epoch, fn func(key, part []byte)) error {
	sn := g.store.Snapshot(g.job)
	defer sn.Close()
	return sn.Scan(g.job, g.space, stageKey(e, lettersPart), stageKey(e+1, 0), func(key, part []byte) error {
		fn(bytes.Clone(key), part)
		return nil
	})
}

// refused are the rows that keepRefused has kept of an epoch.
func (g *tableStage) refused(e stream.Epoch) ([]stream.Reject, error) {
	var all []byte
	if err := g.eachKept(e, func(_, part []byte) { all = append(all, part...) }); err != nil {
		return nil, err
	}
	var refused []stream.Reject
	for len(all) > 0 {
		var texts [4][]byte
		for i := range texts {
			n, size := binary.Uvarint(all)
			if size <= 0 || uint64(len(all)-size) < n {
				return nil, errStage
			}
			if n > 0 {
				texts[i] = all[size : size+int(n)]
			}
			all = all[size+int(n):]
		}
		refused = append(refused, stream.Reject{Err: sqlerr.Errorf(sqlerr.Code(texts[0]), "%s", texts[1]), Key: texts[2], Raw: texts[3]})
	}
	return refused, nil
}

// takeKept makes dead letters of what a table has refused of an epoch.
func (s *tableSink) takeKept(e stream.Epoch) error {
	refused, err := s.stage.refused(e)
	for _, r := range refused {
		if err == nil {
			err = s.reject(s.name, r)
		}
	}
	return err
}
