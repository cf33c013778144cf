package file

import (
	"context"
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Elsewhere is what a connector of another system's objects takes from this one: how
// records lie in them, and all that reads and writes them.
type Elsewhere struct {
	Store   object.Store
	Pattern string // which of its objects, a path or a pattern
	Follow  bool   // objects that come to be are read, too
}

// RecordOptions are the keys of a file that say how records lie in it.
func RecordOptions(role stream.Role) []stream.Option {
	all := sourceOptions
	if role == stream.RoleSink {
		all = sinkOptions
	}
	return slices.DeleteFunc(slices.Clone(all), func(o stream.Option) bool {
		return slices.Contains([]string{"path", "follow", "append", "visible", "rotation", "max_files", "encryption", "encryption.passphrase", "batch.timeout"}, o.Key) ||
			role == stream.RoleSink && o.Key == "partition_columns"
	})
}

// config reads the keys of RecordOptions.
func (e Elsewhere) config(v *stream.Values, rel *catalog.Relation) (config, error) {
	c, err := readRecords(v, rel, stream.RoleSource, e.Pattern)
	if err != nil {
		return c, err
	}
	c.store, c.watch = e.Store, e.Follow
	return c, c.folders.check(rel)
}

// Check checks the keys of RecordOptions of a source.
func (e Elsewhere) Check(env *stream.Env, v *stream.Values, rel *catalog.Relation) error {
	c, err := e.config(v, rel)
	if err != nil {
		return err
	}
	return c.checkSchema(env, rel, stream.RoleSource)
}

// Source opens the objects for reading. They are listed once, so that what is not
// there is known.
func (e Elsewhere) Source(ctx context.Context, env *stream.Env, rel *catalog.Relation, v *stream.Values) (stream.Source, error) {
	c, err := e.config(v, rel)
	if err != nil {
		return nil, err
	}
	s := &source{env: env, rel: rel, config: c}
	_, err = s.Splits(ctx)
	return s, err
}

// Infer tells columns from the objects' first records, and from their folders.
func (e Elsewhere) Infer(ctx context.Context, env *stream.Env, rel *catalog.Relation, v *stream.Values) ([]catalog.Column, error) {
	c, err := e.config(v, rel)
	if err != nil {
		return nil, err
	}
	return inferrer{env}.infer(ctx, rel, c)
}
