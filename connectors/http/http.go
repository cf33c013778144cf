// Package http sends rows to a web service, reads what one answers, and asks one for the
// rows of keys.
//
// A sink's requests of an epoch are part of its commit: they go out after the decision,
// in their order, and again after a crash with the same bodies and idempotency keys, so
// that a service that heeds the keys takes each row once, and any other at least once.
//
// A source asks a URL again and again, or follows its events. Its position says with
// which request to go on, and how many records of that answer have been read.
package http

import (
	"context"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Connector is HTTP's.
type Connector struct{}

// Name is 'http'.
func (Connector) Name() string { return "http" }

// PseudoColumns are none of every stream: Hidden has those of events.
func (Connector) PseudoColumns() []catalog.Column { return nil }

// eventColumns are the hidden columns of a stream of events.
var eventColumns = []catalog.Column{
	{Name: "_id", Type: types.Of(types.Text), Comment: "the event's id, NULL where none was sent so far"},
	{Name: "_event", Type: types.Of(types.Text), Comment: "its type"},
}

// Hidden are _id and _event of a stream of events.
func (Connector) Hidden(rel *catalog.Relation) []catalog.Column {
	if mode, _ := rel.Options.Get("mode"); stream.Fold(mode) == modeEvents && rel.Kind == catalog.Stream {
		return eventColumns
	}
	return nil
}

// Check validates the declaration; nothing is connected to.
func (Connector) Check(env *stream.Env, rel *catalog.Relation, role stream.Role) error {
	if role == stream.RoleSink {
		_, err := readSink(env, rel)
		return err
	}
	_, err := readSource(env, rel)
	return err
}

// Source opens the relation for reading. It connects with the first Read.
func (Connector) Source(_ context.Context, env *stream.Env, rel *catalog.Relation) (stream.Source, error) {
	c, err := readSource(env, rel)
	if err != nil {
		return nil, err
	}
	if len(c.asked) > 0 {
		return nil, sqlerr.Unsupported("Join a stream without end with it, in a job or with EMIT CHANGES: SELECT ... FROM s JOIN "+rel.Name+" ON "+rel.Name+"."+c.asked[0]+" = s.column EMIT CHANGES.",
			"reading %q, whose URL is that of one key, is not supported", rel.Name)
	}
	return &source{env: env, rel: rel, config: c}, nil
}
