package catalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// CreateJob makes a job of a description that the caller does not touch again;
// its OID and UUID are filled in. With ifNotExists a name that is taken is left,
// with a notice; with orReplace the job is another from then on: it keeps its
// OID, and its new UUID gives it state of its own. replaced is the old one, whose
// state and sinks the caller drops.
func (t *Tx) CreateJob(j *Job, ifNotExists, orReplace bool) (replaced *Job, created bool, notices []*sqlerr.Error, err error) {
	old := t.Snapshot().Job(j.Name)
	if old != nil && ifNotExists {
		return nil, false, []*sqlerr.Error{notice(sqlerr.DuplicateObject, "job %q already exists, skipping", j.Name)}, nil
	}
	if old != nil && !orReplace {
		return nil, false, nil, sqlerr.Errorf(sqlerr.DuplicateObject, "job %q already exists", j.Name)
	}
	if old != nil {
		j.OID = old.OID
	} else if j.OID, err = t.c.oids.take(); err != nil {
		return nil, false, nil, err
	}
	j.UUID = state.NewID()
	err = t.apply(func(d *draft) error {
		was := d.jobs[j.Name]
		switch {
		case old == nil && was != nil && ifNotExists:
			return nil // another transaction came before, which comes to the same
		case old == nil && was != nil:
			return sqlerr.Errorf(sqlerr.DuplicateObject, "job %q already exists", j.Name)
		case old != nil && (was == nil || was.UUID != old.UUID):
			return conflict()
		}
		if err := d.dependable(j.Name, j.DependsOn, true); err != nil {
			return err
		}
		d.putJob(j)
		return nil
	})
	return old, err == nil, nil, err
}

// UpdateJob changes a job's state, error, options or settings. change gets a copy
// to change; it is called again where Commit repeats the change on a newer
// snapshot. Name, OID and UUID stay.
func (t *Tx) UpdateJob(name string, change func(*Job)) error {
	seen := t.Snapshot().Job(name)
	return t.apply(func(d *draft) error {
		old := d.jobs[name]
		if old == nil {
			return noJob(name)
		}
		if old.UUID != seen.UUID {
			return conflict()
		}
		j := *old
		change(&j)
		j.OID, j.UUID, j.Name = old.OID, old.UUID, old.Name
		d.putJob(&j)
		return nil
	})
}

// ResetJob changes a job as UpdateJob does, and gives it another UUID: it has no
// state then, and no position.
func (t *Tx) ResetJob(name string, change func(*Job)) error {
	seen, id := t.Snapshot().Job(name), state.NewID()
	return t.apply(func(d *draft) error {
		old := d.jobs[name]
		if old == nil {
			return noJob(name)
		}
		if old.UUID != seen.UUID {
			return conflict()
		}
		j := *old
		change(&j)
		j.OID, j.UUID, j.Name = old.OID, id, old.Name
		d.putJob(&j)
		return nil
	})
}

func noJob(name string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", name)
}
