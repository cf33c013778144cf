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

// RenameJob gives a job another name. It stays the job that it is, with its state, and
// keeps the sinks that are its own.
func (t *Tx) RenameJob(from, to string) error {
	seen := t.Snapshot().Job(from)
	return t.apply(func(d *draft) error {
		j := d.jobs[from]
		switch {
		case j == nil:
			return noJob(from)
		case j.UUID != seen.UUID:
			return conflict()
		case d.jobs[to] != nil:
			return sqlerr.Errorf(sqlerr.DuplicateObject, "job %q already exists", to)
		}
		if err := d.ownName(j); err != nil {
			return err
		}
		d.renameJobs(map[*Job]string{j: to})
		return nil
	})
}

// SwapJobs has two jobs, which are not the same, change their names.
func (t *Tx) SwapJobs(a, b string) error {
	one, other := t.Snapshot().Job(a), t.Snapshot().Job(b)
	return t.apply(func(d *draft) error {
		x, y := d.jobs[a], d.jobs[b]
		switch {
		case x == nil:
			return noJob(a)
		case y == nil:
			return noJob(b)
		case x.UUID != one.UUID || other == nil || y.UUID != other.UUID:
			return conflict()
		}
		for _, j := range []*Job{x, y} {
			if err := d.ownName(j); err != nil {
				return err
			}
		}
		d.renameJobs(map[*Job]string{x: b, y: a})
		return nil
	})
}

// ReplaceJob gives a job another definition, and its own sinks other columns; it keeps
// its OID and UUID, and so its state, and where it began. It is running from then on.
func (t *Tx) ReplaceJob(j *Job, sinks []*Relation) error {
	seen := t.Snapshot().Job(j.Name)
	return t.apply(func(d *draft) error {
		old := d.jobs[j.Name]
		switch {
		case old == nil:
			return noJob(j.Name)
		case old.UUID != seen.UUID:
			return conflict()
		}
		replaced := *j
		replaced.OID, replaced.UUID, replaced.Created, replaced.Start = old.OID, old.UUID, old.Created, old.Start
		replaced.Comment = old.Comment
		for _, r := range sinks {
			if was := d.relations[r.Schema][r.Name]; was == nil || was.OID != r.OID {
				return conflict()
			}
			d.putRelation(r)
		}
		if err := d.dependable(j.Name, j.DependsOn, true); err != nil {
			return err
		}
		d.putJob(&replaced)
		return nil
	})
}

// ownName refuses another name for the job of a materialized view, which is the
// view's.
func (s *Snapshot) ownName(j *Job) error {
	if v := s.view(j); v != nil {
		return sqlerr.Errorf(sqlerr.WrongObjectType, "job %q maintains materialized view %q", j.Name, v.Name).
			WithHint("Use ALTER MATERIALIZED VIEW %s RENAME TO.", v.Name)
	}
	return nil
}

// renameJobs gives jobs new names, all at once.
func (d *draft) renameJobs(names map[*Job]string) {
	sinks := map[*Job][]object{}
	for j := range names {
		sinks[j] = d.ownedSinks(j)
		d.removeJob(j)
	}
	for j, name := range names {
		renamed := *j
		renamed.Name = name
		d.putJob(&renamed)
		for _, o := range sinks[j] {
			r := *o.relation
			r.Job = name
			d.putRelation(&r)
		}
	}
}

func noJob(name string) *sqlerr.Error {
	return sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", name).WithHint("SHOW JOBS lists them.")
}
