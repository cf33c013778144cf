package kafka

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ProbeSink is stream.Probing's: brokers must answer, and let the topic be seen. One that
// is not there is made when the sink is opened.
func (Connector) ProbeSink(ctx context.Context, env *stream.Env, rel *catalog.Relation, _ string) error {
	c, _, err := read(rel, stream.RoleSink, env)
	if err != nil {
		return err
	}
	client, err := c.dial(env)
	if err != nil {
		return err
	}
	defer client.Close()
	if _, err := c.details(ctx, client); sqlerr.CodeOf(err) != sqlerr.UndefinedTable {
		return err
	}
	return nil
}

var _ stream.Probing = Connector{}
