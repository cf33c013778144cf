package database

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ProbeSink is stream.Probing's: a table that is there must have the columns, and a key
// where the mode needs one. One that is not is waited for, or made, when the sink is
// opened, and a server that does not answer is waited for then.
func (Connector) ProbeSink(ctx context.Context, env *stream.Env, rel *catalog.Relation, _ string) error {
	c, err := read(env, rel, stream.RoleSink)
	if err != nil {
		return err
	}
	there := *c
	there.create = false // a file that is not there stays so
	if err := (&sink{config: &there, mode: c.mode}).probe(ctx); err != nil && !mended(sqlerr.CodeOf(err)) {
		return err
	}
	return nil
}

// mended reports whether time may mend an error: the server's resources and its state
// among others.
func mended(code sqlerr.Code) bool {
	return code == sqlerr.UndefinedTable || slices.Contains([]string{"08", "53", "55", "57", "58", "XX"}, string(code[:2]))
}

func (s *sink) probe(ctx context.Context) error {
	c := s.config
	s.tx = &transaction{config: c}
	if err := s.tx.connect(ctx); err != nil {
		return err
	}
	defer s.tx.close()
	k, _, err := s.matched(ctx)
	if err != nil || !s.keyedMode() {
		return err
	}
	return s.keyed(k)
}

// matched finds the table, and in it the sink's columns.
func (s *sink) matched(ctx context.Context) (k kind, found []remote, err error) {
	c := s.config
	err = s.tx.on(func(conn session) error {
		there, err := conn.columns(ctx)
		if err != nil {
			return err
		}
		if found, err = c.match(c.rel.Columns, there); err == nil {
			k, err = conn.kind(ctx)
		}
		return err
	})
	return k, found, err
}

var _ stream.Probing = Connector{}
