package catalog

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// Owed is what another system still keeps for a job that is gone, and has to be told
// to give up. It is written with the change that takes the job away, and stays until
// that system has heard of it.
type Owed struct {
	OID      types.OID
	Job      state.ID
	Name     string    // the job's
	Relation *Relation // the stream that it read, as it was then
}

type storedOwed struct {
	Format   int             `json:"format"`
	OID      types.OID       `json:"oid"`
	Job      string          `json:"job"`
	Name     string          `json:"name"`
	Relation json.RawMessage `json:"relation"`
}

// Owe notes that a system keeps something for a job which this transaction takes away.
func (t *Tx) Owe(job *Job, r *Relation) error {
	oid, err := t.c.oids.take()
	if err != nil {
		return err
	}
	o := &Owed{OID: oid, Job: job.UUID, Name: job.Name, Relation: r}
	return t.apply(func(d *draft) error {
		d.owed[o.OID] = o
		d.change(keyOwed, o.OID)
		return nil
	})
}

// Settle notes that nothing is kept any more. What was settled before is no error.
func (t *Tx) Settle(o *Owed) error {
	return t.apply(func(d *draft) error {
		if d.owed[o.OID] != nil {
			delete(d.owed, o.OID)
			d.change(keyOwed, o.OID)
		}
		return nil
	})
}

// Owed is what other systems keep for jobs that are gone, in the order in which they
// went.
func (s *Snapshot) Owed() []*Owed {
	return sorted(s.owed, func(o *Owed) string { return string(storeKey{keyOwed, o.OID}.bytes()) })
}

func encodeOwed(o *Owed) []byte {
	return encode(storedOwed{objectFormat, o.OID, hex.EncodeToString(o.Job[:]), o.Name, encodeRelation(o.Relation)})
}

func decodeOwed(value []byte) (*Owed, error) {
	var s storedOwed
	if err := decode(value, &s, &s.Format); err != nil {
		return nil, err
	}
	o := &Owed{OID: s.OID, Name: s.Name}
	b, err := hex.DecodeString(s.Job)
	if err != nil || len(b) != len(o.Job) {
		return nil, fmt.Errorf("reading a stored object: what is owed for job %s has the UUID %q", s.Name, s.Job)
	}
	copy(o.Job[:], b)
	if o.Relation, err = decodeRelation(s.Relation); err != nil {
		return nil, err
	}
	return o, nil
}
