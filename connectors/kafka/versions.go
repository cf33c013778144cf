package kafka

import (
	"context"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
)

// register returns the id of a sink's schema in its subject. Where it is no version yet, the
// subject's compatibility must let it be one: registries check that too, but not all of
// them, and none names both versions.
func (c *config) register(ctx context.Context, cl *registry.Client, subject string, s *registry.Schema) (uint32, error) {
	if !c.registry.NoRegister {
		rules, err := cl.Rules(ctx, subject, s)
		if err != nil {
			return 0, err
		}
		if err := rules.Check(reads(rules)); err != nil {
			return 0, err
		}
	}
	return cl.Register(ctx, subject, s, c.registry.NoRegister)
}

// reads says why who has the one schema cannot read what is written with the other, both of
// one kind.
func reads(rules registry.Rules) func(reader, writer *registry.Schema) error {
	return func(reader, writer *registry.Schema) error {
		switch reader.Kind {
		case registry.Protobuf:
			r, err := protobufSchema(reader)
			if err != nil {
				return err
			}
			w, err := protobufSchema(writer)
			if err != nil {
				return err
			}
			return protobuf.Reads(r, w)
		case registry.JSON:
			return json.Rules{Lenient: rules.Lenient}.Reads(jsonDocument(reader), jsonDocument(writer))
		}
		r, err := avroSchema(reader)
		if err != nil {
			return err
		}
		w, err := avroSchema(writer)
		if err != nil {
			return err
		}
		return avro.Reads(r, w)
	}
}

// untold is how long a registry that does not tell which version a schema is is not asked
// again: each record of such a schema wants to know.
const untold = 10 * time.Second

// naming returns what says that a schema does not fit the stream: which version of a subject
// it is, and which other version fits. fits says why a schema does not. The registry is
// asked once for each schema; while it does not tell, the schema's id stands alone.
func (c *config) naming(cl *registry.Client, fits func(*registry.Schema) error) func(id uint32) string {
	type telling struct {
		says  string
		until time.Time // zero: for ever
	}
	told := map[uint32]telling{}
	return func(id uint32) string {
		if t, ok := told[id]; ok && (t.until.IsZero() || time.Now().Before(t.until)) {
			return t.says
		}
		subject := c.registry.SubjectOf(c.topic, "")
		if c.pattern != nil && c.registry.Subject == "" {
			subject = "" // each topic has its own
		}
		is, other := cl.Beside(context.Background(), subject, id, fits)
		t := telling{says: is.String() + " does not fit the stream"}
		if other.Version > 0 {
			t.says += ", which " + other.String() + " fits"
		}
		if is.Version == 0 {
			t.until = time.Now().Add(untold)
		}
		told[id] = t
		return t.says
	}
}

// misfit makes the errors of records whose schema does not fit the stream.
func (c *config) misfit(cl *registry.Client, fits func(*registry.Schema) error) func(id uint32, cause error) error {
	name := c.naming(cl, fits)
	return func(id uint32, cause error) error {
		e := sqlerr.Errorf(sqlerr.DatatypeMismatch, "%s: %w", name(id), cause)
		e.Column = sqlerr.From(cause).Column
		return e.WithHint("Declare the columns as the new schema has them, or register a schema that is compatible.")
	}
}
