package bind

import (
	"errors"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
)

// Undiscovered is why a statement does not bind that names what a schema's system may
// have: whoever finds it there, and makes it a stream, binds the statement again.
type Undiscovered struct {
	Schemas []string // that show a system, in the order in which they are searched
	Name    string
	message string
}

func (u *Undiscovered) Error() string { return u.message }

// undefined is the error of a relation that there is not.
func (b *binder) undefined(schema, name string) *sqlerr.Error {
	path, shown := b.c.SearchPath, name
	if schema != "" {
		path, shown = []string{schema}, schema+"."+name
	}
	u := &Undiscovered{Name: name, message: "relation \"" + shown + "\" does not exist"}
	for _, p := range path {
		if sc := b.c.Catalog.Schema(p); sc != nil && sc.Connector != "" && b.uses(sc) {
			u.Schemas = append(u.Schemas, p)
		}
	}
	if len(u.Schemas) == 0 {
		return sqlerr.Errorf(sqlerr.UndefinedTable, "%s", u.message)
	}
	return sqlerr.Errorf(sqlerr.UndefinedTable, "%w", u)
}

// discoverable reports whether an error of undefined is one that a system may mend.
func discoverable(err error) bool {
	var u *Undiscovered
	return errors.As(err, &u)
}

// uses reports whether the statement's role may use a schema.
func (b *binder) uses(sc *catalog.Schema) bool {
	return b.c.User == "" || b.c.Catalog.Has(b.c.User, sc.Object(), catalog.UsageRight)
}

// systemOf is the system that a schema, or SHOW TOPICS, names, with its options. name is
// what keys may have before them.
func (b *binder) systemOf(from parse.Name, name string) (string, catalog.Options) {
	if from.Schema != "" || strings.ToLower(from.Name) != "kafka" {
		b.noSystem(from)
	}
	b.mayConnect("kafka", from.Pos)
	keys := b.dealKeys(b.stmt.With, []string{name}, name)
	opts, file := b.configFile(name, keys.named[name], from.Pos)
	for i := range file {
		file[i].Inherited = false // what is of use each topic tells
	}
	return "kafka", b.withFile(name, "kafka", false, opts, file, from.Pos)
}

// noSystem refuses to take topics from what is neither a system with topics nor, for
// SHOW TOPICS, a schema.
func (b *binder) noSystem(from parse.Name) {
	name := strings.ToLower(from.Name)
	if from.Schema == "" && !knownSystems[name] && !slices.Contains(b.c.Connectors, name) {
		b.fail(sqlerr.Errorf(sqlerr.InvalidSchemaName, "schema \"%s\" does not exist", from.Name).
			WithHint("Write FROM KAFKA WITH ('bootstrap.servers' = 'host:9092'), or name a schema that was made with CREATE SCHEMA ... FROM KAFKA.").At(from.Pos))
	}
	b.fail(sqlerr.Unsupported("Write FROM KAFKA WITH ('bootstrap.servers' = 'host:9092').", "FROM %s is not supported", quoteDisplay(from.Name)).At(from.Pos))
}

// showTopics is SHOW TOPICS: of the server's brokers, of others, or of a schema that
// shows some.
func (b *binder) showTopics(x *parse.Show) *plan.Bound {
	bound := func(system *catalog.Relation) *plan.Bound {
		return &plan.Bound{Statement: &plan.ShowTopics{System: system}, Fields: plan.TopicFields()}
	}
	from := parse.Name{Name: "kafka"}
	if x.From != nil {
		from = *x.From
	}
	if sc := b.c.Catalog.Schema(from.Name); sc != nil && from.Schema == "" && sc.Connector != "" {
		if len(b.stmt.With) > 0 {
			b.unsupportedAt(b.stmt.With[0].Pos, "Write FROM KAFKA WITH (...), or leave WITH out: the schema has its own.", "WITH of a schema's topics is not supported")
		}
		b.mayUse(sc.Name, -1)
		return bound(sc.System())
	}
	if sc := b.c.Catalog.Schema(from.Name); sc != nil && from.Schema == "" && sc.Name != "kafka" {
		b.fail(sqlerr.Errorf(sqlerr.WrongObjectType, "schema \"%s\" shows no topics", sc.Name).
			WithHint("Write SHOW TOPICS FROM KAFKA, or name a schema that was made with CREATE SCHEMA ... FROM KAFKA.").At(from.Pos))
	}
	r := &catalog.Relation{Name: "kafka", Kind: catalog.Stream, Owner: b.c.User}
	r.Connector, r.Options = b.systemOf(from, r.Name)
	return bound(r)
}
