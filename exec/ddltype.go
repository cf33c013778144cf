package exec

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/exec/function"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

func (t *Txn) createEnum(s *plan.CreateEnum, env *function.Env) (Result, error) {
	return Result{Tag: "CREATE TYPE"}, t.change().CreateEnum(s.Schema, s.Name, env.User, s.Labels)
}

func (t *Txn) alterEnum(s *plan.AlterEnum) (Result, error) {
	return Result{Tag: "ALTER TYPE"}, t.change().AlterEnum(s.Old, s.New)
}

// dropType drops the columns that go along before the types.
func (t *Txn) dropType(ctx context.Context, s *plan.DropType, env *function.Env) (Result, error) {
	res := Result{Tag: "DROP TYPE"}
	if s.Cascade {
		res.Notices = t.Snapshot().EnumsTake(s.Types, env.SearchPath)
	}
	for _, a := range s.Alters {
		if _, err := t.alterTable(ctx, a, env); err != nil {
			return res, err
		}
	}
	if len(s.Types) == 0 {
		return res, nil
	}
	dropped, _, err := t.change().DropEnums(s.Types, s.Cascade, env.SearchPath)
	t.changes(jobNames(dropped.Jobs)...) // that have gone along
	if err == nil {
		err = t.sweep(ctx, dropped)
	}
	return res, err
}
