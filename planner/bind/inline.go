package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// fromNames are the unqualified names that a query reads, WITH queries left
// out, each once.
func fromNames(sel *pg.SelectStmt) []string {
	if sel == nil {
		return nil
	}
	var names []string
	ctes := map[string]bool{}
	seen := map[string]bool{}
	eachMessage(sel.ProtoReflect(), func(m protoreflect.Message) {
		switch x := m.Interface().(type) {
		case *pg.CommonTableExpr:
			ctes[x.Ctename] = true
		case *pg.RangeVar:
			if x.Schemaname == "" && !seen[x.Relname] {
				seen[x.Relname] = true
				names = append(names, x.Relname)
			}
		}
	})
	kept := names[:0]
	for _, n := range names {
		if !ctes[n] {
			kept = append(kept, n)
		}
	}
	return kept
}

func eachMessage(m protoreflect.Message, f func(protoreflect.Message)) {
	f(m)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if fd.Kind() != protoreflect.MessageKind {
			return true
		}
		if fd.IsList() {
			for i := 0; i < v.List().Len(); i++ {
				eachMessage(v.List().Get(i).Message(), f)
			}
			return true
		}
		eachMessage(v.Message(), f)
		return true
	})
}

// queryKeys deals the WITH keys of a statement with a query to its sources, its
// sinks and itself. A key without a name goes to the one relation that the
// statement has to declare, where there is one: also where it did so before, and
// the job of that name is planned anew from its text.
func (b *binder) queryKeys(sel *pg.SelectStmt, pairs []parse.Pair, into []parse.Name, job string) withKeys {
	if len(pairs) == 0 {
		return withKeys{}
	}
	names := fromNames(sel)
	var undeclared []string
	for _, n := range names {
		if b.findRelation("", n) == nil {
			undeclared = append(undeclared, n)
		}
	}
	for _, n := range into {
		names = append(names, n.Name)
		if have := b.findRelation(n.Schema, n.Name); have == nil || job != "" && have.Job == job {
			undeclared = append(undeclared, n.Name)
		}
	}
	single := ""
	if len(undeclared) == 1 {
		single = undeclared[0]
	}
	return b.dealKeys(pairs, names, single)
}

// inlineSources declares the sources that a WITH list after a query describes.
func (b *binder) inlineSources(s parse.Statement, sel *pg.SelectStmt) {
	if len(s.With) == 0 {
		return
	}
	keys := b.queryKeys(sel, s.With, nil, "")
	if len(keys.own) > 0 && !b.live {
		for _, o := range keys.own {
			b.unknownKey(o.Key, fromNames(sel), s.With[0].Pos)
		}
	}
	b.declareInline(keys, sel)
}

// declareInline makes relations of the keys given for names in FROM: a new one,
// or the catalog's with other options.
func (b *binder) declareInline(keys withKeys, sel *pg.SelectStmt) {
	for _, name := range fromNames(sel) {
		opts, ok := keys.named[name]
		if !ok {
			continue
		}
		if b.inline == nil {
			b.inline = map[string]*catalog.Relation{}
		}
		if have := b.findRelation("", name); have != nil {
			r := *have
			r.Options = override(have.Options, b.withoutType(name, have, opts, keys.pos[name]))
			b.inline[name] = &r
			continue
		}
		r := &catalog.Relation{Schema: "pg_temp", Name: name, Kind: catalog.Stream, Owner: b.c.User}
		r.Connector, r.Options = b.connectorOf(name, opts, false, keys.pos[name])
		r.Hidden = b.hidden(r)
		if b.c.Check != nil {
			b.check(b.c.Check(r, false))
		}
		b.infer(r)
		b.checkHidden(r, keys.pos[name])
		b.inline[name] = r
	}
}

// withoutType takes the type out of options for a relation that exists, whose
// own type stands; one that contradicts it is an error.
func (b *binder) withoutType(name string, have *catalog.Relation, opts catalog.Options, pos int) catalog.Options {
	opts, file := b.configFile(name, opts, pos)
	for _, o := range opts {
		if o.Key != "type" && o.Key != "connector" {
			continue
		}
		if t := b.namedConnector(name, o.Value, have.Kind == catalog.Sink, pos); t != have.Connector {
			b.unsupportedAt(pos, "Leave the type out, or read the stream under another name.",
				"\"%s\" is declared with type '%s'; giving it type '%s' is not supported", name, have.Connector, o.Value)
		}
	}
	return b.withFile(name, have.Connector, have.Kind == catalog.Sink, withoutKeys(opts, "type", "connector"), file, pos)
}

// sourcePairs are the WITH pairs of the sources a query reads, which a view
// keeps with its query.
func (b *binder) sourcePairs(sel *pg.SelectStmt) []parse.Pair {
	names := fromNames(sel)
	var out []parse.Pair
	single := ""
	if len(b.stmt.Into) == 0 && len(names) == 1 {
		single = names[0]
	}
	for _, p := range b.stmt.With {
		key := strings.ToLower(p.Key)
		if name, _ := ownerOf(key, names); name != "" || single != "" && !jobKeys[key] {
			out = append(out, p)
		}
	}
	return out
}

// withText writes pairs as a WITH list.
func withText(pairs []parse.Pair) string {
	if len(pairs) == 0 {
		return ""
	}
	items := make([]string, len(pairs))
	for i, p := range pairs {
		items[i] = "'" + quoteString(p.Key) + "' = '" + quoteString(p.Value) + "'"
	}
	return " WITH (" + strings.Join(items, ", ") + ")"
}

func quoteString(s string) string { return strings.ReplaceAll(s, "'", "''") }
