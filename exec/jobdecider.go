package exec

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// transaction is what a job with use_transactions writes in: its sinks by who
// decides about them.
type transaction struct {
	connector stream.Transactional // nil: every sink waits for the store's decision
	name      string               // of connector
	sinks     []*catalog.Relation  // of connector
	// staged are sinks of other systems than the first sink's, or all of them: their
	// rows are delivered after the decision, in transactions of their own.
	staged []*catalog.Relation
}

// transactionOf finds the connector whose transaction decides about a job's
// epochs, and refuses sinks that could get a row twice.
func (e *Engine) transactionOf(job string, sinks []*catalog.Relation, settings jobSettings) (transaction, error) {
	var t transaction
	first := ""
	for _, r := range sinks {
		if r.Stored() {
			continue // its rows wait for the decision, staged
		}
		c, err := e.connector(r)
		if err != nil {
			return t, err
		}
		if _, ok := c.(stream.Repeating); ok {
			return t, sqlerr.Unsupported("Leave use_transactions out, or write transactions = 'best_effort': the sink then gets each row at least once.",
				"use_transactions of job %q is not supported with sink %q: connector %s cannot take rows back", job, r.Name, r.Connector)
		}
		own, ok := c.(stream.Transactional)
		if !ok {
			continue
		}
		if t.connector != nil && t.name != c.Name() {
			t.staged = append(t.staged, r) // a transaction is of one system
			continue
		}
		cluster, err := clusterOf(&e.o.Env, own, r)
		if err != nil {
			return t, err
		}
		if t.connector == nil {
			first = cluster
		}
		t.connector, t.name = own, c.Name()
		if settings.staged || cluster != first {
			t.staged = append(t.staged, r)
		} else {
			t.sinks = append(t.sinks, r)
		}
	}
	return t, nil
}

// checkTransaction checks, at START JOB, that a job's sinks can be written in
// transactions.
func (e *Engine) checkTransaction(s *plan.StartJob, settings jobSettings, letters letterRoutes) error {
	var sinks []*catalog.Relation
	for _, target := range s.Sinks {
		sinks = append(sinks, target.Relation)
	}
	for _, to := range letters.targets {
		sinks = append(sinks, to.relation)
	}
	if err := e.checkStaging(s.Name, sinks, settings); err != nil || !settings.transactions {
		return err
	}
	t, err := e.transactionOf(s.Name, sinks, settings)
	if err != nil || t.connector == nil {
		return err
	}
	o := stream.DeciderOptions{Job: s.Name, Checkpoint: settings.checkpoint}
	for _, r := range t.staged {
		c, err := e.connector(r)
		if err != nil {
			return err
		}
		if own, ok := c.(stream.Transactional); ok {
			err = own.CheckDecider(&e.o.Env, []*catalog.Relation{r}, o)
		}
		if err != nil {
			return err
		}
	}
	if len(t.sinks) == 0 {
		return nil
	}
	return t.connector.CheckDecider(&e.o.Env, t.sinks, o)
}

// ask opens the job's Decider, where it has one, and brings the store to what was
// decided: a prepared epoch whose transaction has committed is committed, and the
// recovery returned is that after it. What is not decided is left to recover.
func (l *life) ask(ctx context.Context, rec state.Recovery) (state.Recovery, error) {
	if !l.settings.transactions {
		return rec, nil
	}
	var sinks []*catalog.Relation
	for _, target := range l.plan.Sinks {
		sinks = append(sinks, l.sinkRelation(target.Relation))
	}
	for _, b := range l.boxes {
		sinks = append(sinks, b.relation)
	}
	t, err := l.j.e.transactionOf(l.j.def.Name, sinks, l.settings)
	if err != nil || t.connector == nil {
		return rec, err
	}
	l.transaction = t
	if len(t.sinks) == 0 {
		return rec, nil // the store decides, and all are staged
	}
	o := stream.DeciderOptions{Job: l.j.def.Name, ID: l.j.id.String(), Checkpoint: l.settings.checkpoint}
	if l.decider, err = t.connector.Decider(&l.j.e.o.Env, t.sinks, o); err != nil {
		return rec, fmt.Errorf("opening the transactions of job %s: %w", l.j.def.Name, system{err})
	}
	l.decides = t.name
	last, err := l.decider.Ask(ctx)
	if err != nil {
		return rec, fmt.Errorf("asking for the last decision about job %s: %w", l.j.def.Name, system{err})
	}
	decided, err := verdict(l.j.def.Name, l.decider.String(), rec, last)
	if err != nil || !decided {
		return rec, err
	}
	if err := l.handle.Commit(rec.Prepared.Epoch); err != nil {
		return rec, err
	}
	l.j.e.log.Info("an epoch was decided before the job ended, and is committed", "job", l.j.def.Name, "epoch", rec.Prepared.Epoch)
	return l.handle.Recover()
}

// verdict says whether the prepared epoch is decided. last is the Decider's last
// decision: about the prepared epoch, or the committed one. Anything else means
// that one of the two has lost what it was told.
func verdict(job, where string, rec state.Recovery, last stream.Decision) (decided bool, err error) {
	p := rec.Prepared
	switch {
	case p != nil && p.Epoch == uint64(last.Epoch) && p.Version == last.Version:
		return true, nil
	case rec.Epoch == uint64(last.Epoch):
		return false, nil
	}
	kept := fmt.Sprintf("the state store has committed epoch %d", rec.Epoch)
	if p != nil {
		kept += fmt.Sprintf(" and prepared epoch %d at version %d", p.Epoch, p.Version)
	}
	told := fmt.Sprintf("names epoch %d at version %d", last.Epoch, last.Version)
	if last.Epoch == 0 {
		told = "has no record of it"
	}
	e := sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q cannot go on: %s, and %s %s", job, kept, where, told)
	if uint64(last.Epoch) > rec.Epoch {
		return false, e.WithHint("The state is older than the output. Restore the data directory that goes with it; or DROP JOB %s and create it again, which writes rows once more.", job)
	}
	return false, e.WithHint("The output's record is older than the state, or was deleted. Restore the topic; or DROP JOB %s and create it again, which writes rows once more.", job)
}

// decide makes the prepared epoch what readers of the sinks see, where a Decider
// does that. The store's commit follows.
func (l *life) decide(ctx context.Context, e stream.Epoch, version uint64) error {
	if l.decider == nil {
		return nil
	}
	begun := time.Now()
	defer l.j.asked.ask("the commit in " + l.decider.String())()
	if err := l.decider.Decide(ctx, stream.Decision{Epoch: e, Version: version}); err != nil {
		return fmt.Errorf("committing epoch %d of job %s: %w", e, l.j.def.Name, system{err})
	}
	if took := time.Since(begun); took > l.settings.checkpoint {
		l.j.e.log.Warn("a transaction took longer to commit than checkpoint.interval", "job", l.j.def.Name, "epoch", uint64(e), "took", took)
	}
	return nil
}

// decidedBy is the Decider for a sink's options; nil: the sink waits for the
// store's decision.
func (l *life) decidedBy(r *catalog.Relation) stream.Decider {
	if l.decider == nil || l.decides != r.Connector || l.stagedByName(r) {
		return nil
	}
	return l.decider
}

// stagedByName reports whether a sink is one of those whose rows are delivered in
// transactions of their own.
func (l *life) stagedByName(r *catalog.Relation) bool {
	return slices.ContainsFunc(l.transaction.staged, func(s *catalog.Relation) bool { return s.Schema == r.Schema && s.Name == r.Name })
}

// stages reports whether the rows of a sink are staged.
func (l *life) stages(r *catalog.Relation) (stream.Transactional, bool) {
	c, err := l.j.e.connector(r)
	if err != nil {
		return nil, false
	}
	own, ok := c.(stream.Transactional)
	return own, ok && (l.settings.staged || l.stagedByName(r))
}
