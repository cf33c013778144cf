package exec

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/exec/operator"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// replaceJob gives a job another query. It stays the job that it is: it goes on where
// it was, with the state and the sinks that it has, after the epoch that runs. What the
// new plan cannot go on with is refused, by name, and the job stays as it was.
func (t *Txn) replaceJob(ctx context.Context, old *catalog.Job, s *plan.StartJob, now *catalog.Job, letters letterRoutes, env *function.Env) error {
	if v := t.Snapshot().Relation("public", old.Name); v != nil && v.Kind == catalog.MatView && v.Job == old.Name {
		return sqlerr.Errorf(sqlerr.WrongObjectType, "job %q maintains materialized view %q", old.Name, v.Name)
	}
	reason, err := t.e.incompatible(ctx, old, s, env)
	if err != nil {
		return err
	}
	var sinks []*catalog.Relation
	if reason == "" {
		sinks, reason = t.keptSinks(old, s)
	}
	if reason != "" {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "cannot replace job %q and keep its state: %s", old.Name, reason).
			WithHint("START JOB another one, and ALTER JOB %s SWAP WITH it when it has come as far; or DROP JOB %s and create it again, which reads its streams anew.", old.Name, old.Name)
	}
	if err := t.replaceLetters(ctx, old, letters, env); err != nil {
		return err
	}
	for _, target := range s.Sinks {
		if r := t.Snapshot().Relation(target.Relation.Schema, target.Relation.Name); !slices.Contains(now.DependsOn, r.OID) {
			now.DependsOn = append(now.DependsOn, r.OID)
		}
	}
	now.Sinks = old.Sinks
	return t.change().ReplaceJob(now, sinks)
}

// replaceLetters refuses a job whose dead letters go elsewhere while some wait. What of the
// old one is refused by now does not start either: nothing could be brought anywhere.
func (t *Txn) replaceLetters(ctx context.Context, old *catalog.Job, now letterRoutes, env *function.Env) error {
	settings, err := jobOptions(old.Options, t.e.o.Checkpoint)
	var p *plan.StartJob
	if err == nil {
		p, err = t.e.o.Plan(ctx, t.Snapshot(), old)
	}
	var was letterRoutes
	if err == nil {
		was, err = t.e.letterRoutes(t.Snapshot(), env.SearchPath, p, settings.of(p))
	}
	if err == nil {
		return t.e.lettersStay(old, settings, was, now)
	}
	return nil
}

// keptSinks are the job's own sinks as the new statement declares them; or the reason
// why they are others than the job has written to.
func (t *Txn) keptSinks(old *catalog.Job, s *plan.StartJob) (own []*catalog.Relation, reason string) {
	var names []string
	for _, target := range s.Sinks {
		r := target.Relation
		names = append(names, r.Schema+"."+r.Name)
		if !target.Declared {
			continue
		}
		was := t.Snapshot().Relation(r.Schema, r.Name)
		if was == nil || was.Connector != r.Connector || !sameOptions(was.Options, r.Options) {
			return nil, fmt.Sprintf("sink %q is declared in another way", r.Name)
		}
		c := *was
		c.Columns = r.Columns
		own = append(own, &c)
	}
	if !slices.Equal(names, old.Sinks) {
		return nil, fmt.Sprintf("it wrote to %s, and would write to %s", listed(old.Sinks), listed(names))
	}
	return own, ""
}

func listed(names []string) string {
	if len(names) == 0 {
		return "no sink"
	}
	return strings.Join(names, ", ")
}

// sameOptions reports whether options are the same, in whatever order.
func sameOptions(a, b catalog.Options) bool {
	order := func(o catalog.Options) catalog.Options {
		o = slices.Clone(o)
		slices.SortFunc(o, func(x, y catalog.Option) int { return strings.Compare(x.Key, y.Key) })
		return o
	}
	return slices.Equal(order(a), order(b))
}

// fixedOptions decide what a job's epochs are.
var fixedOptions = []string{"use_transactions", "transactions", "late_policy"}

// incompatible says why a job cannot go on by a new plan from where it is; "": it can.
func (e *Engine) incompatible(ctx context.Context, old *catalog.Job, s *plan.StartJob, env *function.Env) (reason string, err error) {
	for _, key := range fixedOptions {
		was, _ := old.Options.Get(key)
		if is, _ := s.Options.Get(key); fold(was) != fold(is) {
			return fmt.Sprintf("its option %s was %q and would be %q", key, was, is), nil
		}
	}
	_, staged := old.Options.Get("sink.buffer")
	if _, is := s.Options.Get("sink.buffer"); staged != is {
		return "rows may wait for its sinks, and with sink.buffer they do so in another place than without", nil
	}
	kept, sources, err := e.keeps(ctx, s, env)
	if err != nil {
		return "", err
	}
	was, shapes, err := e.stands(ctx, old, env)
	if err != nil || len(was) == 0 {
		return "", err // nothing has been read
	}
	for _, source := range was {
		if !slices.Contains(sources, source) {
			return fmt.Sprintf("source %q is not read any more: a stream keeps its place where those in front of it stay", source), nil
		}
	}
	for _, k := range kept {
		was, ok := shapes[k.number]
		if !ok {
			return fmt.Sprintf("operator %q is new, and would know nothing of the rows read so far", k.shape), nil
		}
		if reason := k.differs(was); reason != "" {
			return reason, nil
		}
		delete(shapes, k.number)
	}
	for _, was := range shapes {
		name, _, _ := strings.Cut(was, shapeTypes)
		return fmt.Sprintf("operator %q is not there any more", name), nil
	}
	return "", nil
}

// stands are the sources that a job has read from, and what its operators that keep
// state are, by number: as its last epoch has them, or, of a job that runs and has
// committed none, as its plan has, since one may be on its way.
func (e *Engine) stands(ctx context.Context, old *catalog.Job, env *function.Env) (sources []string, shapes map[uint32]string, err error) {
	progress, err := e.o.Store.Job(old.UUID).Progress()
	if err != nil {
		return nil, nil, err
	}
	if len(progress.Positions) > 0 {
		for _, at := range progress.Positions {
			sources = append(sources, at.Source)
		}
		sn := e.o.Store.Snapshot(old.UUID)
		defer sn.Close()
		shapes, _, err = readShapes(sn, old)
		return sources, shapes, err
	}
	if old.State != catalog.JobRunning {
		return nil, nil, nil
	}
	p, err := e.o.Plan(ctx, e.o.Catalog.Snapshot(), old)
	if err != nil {
		return nil, nil, nil // it does not start either
	}
	kept, sources, err := e.keeps(ctx, p, env)
	shapes = map[uint32]string{}
	for _, k := range kept {
		shapes[k.number] = k.stored()
	}
	return sources, shapes, err
}

// keeps are the operators of a plan whose state a job keeps, and the names of its
// sources.
func (e *Engine) keeps(ctx context.Context, s *plan.StartJob, env *function.Env) (kept []keptOperator, sources []string, err error) {
	own := *env
	b := e.builder(&own)
	*b.scope.ctx = ctx
	b.live = true
	b.scanned = func(scan *scan) { sources = append(sources, sourceName(len(sources), scan.plan.Relation)) }
	t, err := b.tree(s.Root, nowhere{})
	if err != nil {
		b.view.close()
		return nil, nil, err
	}
	t.view = b.view
	return keptOperators(t), sources, t.close()
}

// nowhere takes rows of a plan that does not run.
type nowhere struct{}

func (nowhere) Emit(context.Context, *vec.Batch) error { return nil }

// keptOperators are those of a tree whose state a job keeps, numbered in the order of
// the plan.
func keptOperators(t *tree) []keptOperator {
	var all []keptOperator
	for _, n := range t.nodes {
		if op, ok := n.op.(operator.Kept); ok && !n.ends {
			k := keptOperator{op: op, number: uint32(firstOperator + len(all)), shape: shapeOf(n), plan: n.plan, single: n.single}
			if m, ok := n.plan.(*plan.MergeAggregate); ok {
				k.plan = m.Of // it gets what one phase does
			}
			all = append(all, k)
		}
	}
	return all
}
