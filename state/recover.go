package state

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// Recovery is what a job's last life left.
type Recovery struct {
	Epoch, Version uint64 // committed; 0: none
	// Prepared is the epoch whose keys are all there and whose decision the
	// store does not know; nil: none.
	Prepared *Prepared
	// Dirty: keys stand above the committed version that belong to no prepared
	// epoch: one that never got whole, or one that a rollback had begun to undo.
	// Rollback must be called.
	Dirty bool
	Sinks []SinkRecovery // by name
}

// Prepared is an epoch between its Prepare and its decision.
type Prepared struct {
	Epoch, Version uint64
	Tokens         []Token // by sink
}

// SinkRecovery is how far a sink got.
type SinkRecovery struct {
	Sink      string
	Delivered uint64 // the last epoch whose commit by the sink is recorded; 0: none
	// Tokens are those of committed epochs from the last delivered on, ascending:
	// each is to be committed again.
	Tokens []EpochToken
}

// EpochToken is a sink's token for an epoch.
type EpochToken struct {
	Epoch uint64
	Token []byte
}

// Recover tells what the job's last life left. It changes nothing. Where the
// store has failed it is an error: whether the epoch that was being committed is
// on the disk is not known, and a sink that undid it could not be brought back.
func (j *Job) Recover() (Recovery, error) {
	j.r.op.Lock()
	defer j.r.op.Unlock()
	s := j.s
	if err := s.writer.broken(); err != nil {
		return Recovery{}, fmt.Errorf("recovering job %s: %w", j.id, err)
	}
	s.mu.Lock()
	r := Recovery{Epoch: j.r.epoch, Version: j.r.version}
	delivered := map[string]uint64{}
	for sink, e := range j.r.delivered {
		delivered[sink] = e
	}
	p, undecided := j.r.prepared, j.r.undecided
	if j.r.undoing {
		p = nil
	}
	s.mu.Unlock()

	tokens, err := j.tokens(r.Version)
	if err != nil {
		return Recovery{}, err
	}
	r.Sinks = sinkRecoveries(delivered, tokens)
	j.remember(tokens)
	if p == nil {
		r.Dirty = undecided
		return r, nil
	}
	r.Prepared = &Prepared{Epoch: p.epoch, Version: p.version}
	if tokens, err = j.tokens(p.version); err != nil {
		return Recovery{}, err
	}
	for _, sink := range sortedNames(tokens) {
		for _, t := range tokens[sink] {
			if t.Epoch == p.epoch {
				r.Prepared.Tokens = append(r.Prepared.Tokens, Token{Sink: sink, Bytes: t.Token})
			}
		}
	}
	j.remember(tokens)
	return r, nil
}

// tokens are those that stand at a version, by sink, ascending.
func (j *Job) tokens(version uint64) (map[string][]EpochToken, error) {
	all := map[string][]EpochToken{}
	if version == 0 {
		return all, nil
	}
	prefix := appendSpace(nil, j.id, Space{Operator: opTokens})
	err := j.s.scan(version, prefix, func(key, value []byte) error {
		sink, rest, err := readName(key[prefixLen:])
		if err != nil || len(rest) != 8 {
			return errRecord
		}
		t := EpochToken{Epoch: binary.BigEndian.Uint64(rest), Token: slices.Clone(value)}
		if t.Token == nil {
			t.Token = []byte{}
		}
		all[sink] = append(all[sink], t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sink tokens of job %s: %w", j.id, err)
	}
	return all, nil
}

func sinkRecoveries(delivered map[string]uint64, tokens map[string][]EpochToken) []SinkRecovery {
	names := sortedNames(tokens)
	for sink := range delivered {
		if _, ok := tokens[sink]; !ok {
			names = append(names, sink)
		}
	}
	sort.Strings(names)
	var all []SinkRecovery
	for _, sink := range names {
		d := delivered[sink]
		ts := tokens[sink]
		// An older token than the last delivered one may not have been removed yet.
		from := sort.Search(len(ts), func(i int) bool { return ts[i].Epoch > d })
		all = append(all, SinkRecovery{Sink: sink, Delivered: d, Tokens: ts[max(from-1, 0):]})
	}
	return all
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// remember notes which tokens there are, for staleTokens.
func (j *Job) remember(tokens map[string][]EpochToken) {
	j.s.mu.Lock()
	defer j.s.mu.Unlock()
	j.r.tokens = map[string][]uint64{}
	for sink, ts := range tokens {
		for _, t := range ts {
			j.r.tokens[sink] = append(j.r.tokens[sink], t.Epoch)
		}
	}
}

// staleTokens are the keys of tokens older than each sink's last delivered one,
// which stays: a sink is opened with it. They are deleted with the next epoch,
// so that a rollback brings them back like any key. Store.mu is held.
func (r *record) staleTokens() [][]byte {
	var keys [][]byte
	for sink, epochs := range r.tokens {
		for _, e := range epochs[:r.firstNeeded(sink)] {
			keys = append(keys, tokenKey(sink, e))
		}
	}
	return keys
}

func (r *record) firstNeeded(sink string) int {
	epochs := r.tokens[sink]
	past := sort.Search(len(epochs), func(i int) bool { return epochs[i] > r.delivered[sink] })
	return max(past-1, 0)
}

// keepTokens notes an epoch's tokens, after its stale ones have been deleted.
func (r *record) keepTokens(tokens []Token, epoch uint64, dropped bool) {
	if r.tokens == nil {
		r.tokens = map[string][]uint64{}
	}
	if dropped {
		for sink, epochs := range r.tokens {
			r.tokens[sink] = slices.Clone(epochs[r.firstNeeded(sink):])
		}
	}
	for _, t := range tokens {
		r.tokens[t.Sink] = append(r.tokens[t.Sink], epoch)
	}
}

// Progress returns the positions and watermarks of the committed epoch, by
// source and split. Tokens are Recover's.
func (j *Job) Progress() (Progress, error) {
	j.s.mu.Lock()
	version := j.r.version
	j.s.mu.Unlock()
	var p Progress
	if version == 0 {
		return p, nil
	}
	prefix := appendSpace(nil, j.id, Space{Operator: opPositions})
	err := j.s.scan(version, prefix, func(key, value []byte) error {
		source, split, err := readName(key[prefixLen:])
		if err == nil {
			p.Positions = append(p.Positions, Position{Source: source, Split: string(split), Offset: append([]byte{}, value...)})
		}
		return err
	})
	if err != nil {
		return Progress{}, fmt.Errorf("reading the positions of job %s: %w", j.id, err)
	}
	prefix = appendSpace(nil, j.id, Space{Operator: opWatermarks})
	err = j.s.scan(version, prefix, func(key, value []byte) error {
		source, split, err := readName(key[prefixLen:])
		if err != nil {
			return err
		}
		var micros uint64
		if err := readNumbers(value, &micros); err != nil {
			return err
		}
		p.Watermarks = append(p.Watermarks, Watermark{Source: source, Split: string(split), Micros: int64(micros)})
		return nil
	})
	if err != nil {
		return Progress{}, fmt.Errorf("reading the watermarks of job %s: %w", j.id, err)
	}
	return p, nil
}
