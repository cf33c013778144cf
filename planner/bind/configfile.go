package bind

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/parse"
)

// configFile takes config_file out of a relation's options and reads what the file has.
func (b *binder) configFile(name string, opts catalog.Options, pos int) (catalog.Options, []catalog.FileOption) {
	path, ok := opts.Get("config_file")
	if !ok || b.c.ConfigFile == nil {
		return opts, nil
	}
	file, err := b.c.ConfigFile(path)
	if err != nil {
		e := *sqlerr.From(err)
		if e.Code == sqlerr.InternalError {
			e.Code = sqlerr.InvalidParameterValue
		}
		e.Message = "config_file of \"" + name + "\": " + e.Message
		b.fail(e.At(pos))
	}
	return withoutKeys(opts, "config_file"), slices.DeleteFunc(file, func(o catalog.FileOption) bool { return o.Key == "config_file" })
}

// withFile puts the options of a file beside those that are written.
func (b *binder) withFile(name, connector string, sink bool, opts catalog.Options, file []catalog.FileOption, pos int) catalog.Options {
	file = slices.DeleteFunc(slices.Clone(file), func(o catalog.FileOption) bool { return o.Key == "type" || o.Key == "connector" })
	if len(file) == 0 || b.c.Settle == nil {
		return opts
	}
	opts, unused, err := b.c.Settle(&catalog.Relation{Name: name, Connector: connector, Options: opts}, sink, file)
	if err != nil {
		b.fail(sqlerr.From(err).At(pos))
	}
	if len(unused) > 0 {
		b.notice("of what its config_file extends, \"%s\" has no use for %s", name, strings.Join(unused, ", "))
	}
	return opts
}

func withoutKeys(opts catalog.Options, keys ...string) catalog.Options {
	return slices.DeleteFunc(slices.Clone(opts), func(o catalog.Option) bool { return slices.Contains(keys, o.Key) })
}

// expand is an option's value with those of its variables.
func (b *binder) expand(name, key string, p parse.Pair) string {
	value, err := b.c.Expand(p.Value)
	if err != nil {
		e := *sqlerr.From(err)
		if e.Code == sqlerr.InternalError {
			e.Code = sqlerr.InvalidParameterValue
		}
		e.Message = "\"" + key + "\" of \"" + name + "\": " + e.Message
		b.fail(e.At(p.Pos))
	}
	return value
}
