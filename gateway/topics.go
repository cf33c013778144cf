package gateway

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/planner/bind"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// showTopics runs SHOW TOPICS: its rows are those of the moment at which it runs.
func (x *session) showTopics(ctx context.Context, s *plan.ShowTopics) (*outcome, error) {
	all, err := x.begin().Listed(ctx, s.System)
	if err != nil {
		return nil, err
	}
	fields := plan.TopicFields()
	values := &plan.Values{Fields: fields}
	unknown := func(n int64) types.Value {
		if n < 0 {
			return types.NullOf(types.Of(types.Int8))
		}
		return types.NewInt(types.Int8, n)
	}
	for _, l := range all {
		var row []plan.Expr
		for _, v := range []types.Value{
			types.NewText(l.Name), types.NewInt(types.Int4, int64(l.Partitions)), types.NewInt(types.Int4, int64(l.Replicas)),
			unknown(l.Records), unknown(l.Bytes), types.NewBool(l.Internal),
		} {
			row = append(row, plan.NewConst(v))
		}
		values.Rows = append(values.Rows, row)
	}
	rows, err := x.query(ctx, &plan.Query{Root: values}, nil, nil)
	return &outcome{fields: fields, rows: rows, word: "SELECT"}, err
}

// discover has a stream made of what a statement names and the catalog does not have;
// otherwise is the statement's error where no system has it either.
func (x *session) discover(ctx context.Context, missing *bind.Undiscovered, otherwise error) error {
	engine := x.begin()
	readOnly, _ := x.txn.mode(&x.settings, "transaction_read_only")
	found, notices, err := engine.Discover(ctx, missing.Schemas, missing.Name, x.settings.current.currentUser(), readOnly == "on")
	x.notices(notices)
	switch {
	case err != nil:
		e := *sqlerr.From(err)
		e.Position = sqlerr.From(otherwise).Position
		return &e
	case !found:
		return otherwise
	}
	return nil
}
