package stream

import (
	"slices"

	"github.com/ferrisstreams/ferrisstreams/catalog"
)

// Inheriting is a connector that can tell which options mean nothing beside others.
type Inheriting interface {
	// Needless reports whether a relation with these options has no use for one of them.
	Needless(options catalog.Options, key string) bool
}

// Settle puts a file's options behind those that are written, which win under whatever name
// they have. What a file inherits may be meant for others: where it is the other role's
// alone, or means nothing beside the rest, it is left out, and its key returned.
func Settle(c Connector, role Role, r *catalog.Relation, file []catalog.FileOption) (all catalog.Options, unused []string, err error) {
	names := map[string]string{}
	for _, list := range [][]Option{c.Options(role), EngineOptions} {
		for _, o := range list {
			names[o.Key] = o.Key
			for _, a := range o.Aliases {
				names[a] = o.Key
			}
		}
	}
	canonical := func(key string) string {
		if n, ok := names[key]; ok {
			return n
		}
		return key
	}
	all = slices.Clone(r.Options)
	has := map[string]bool{}
	for _, o := range r.Options {
		has[canonical(o.Key)] = true
	}
	var inherited []string
	for _, o := range slices.Backward(file) { // of two names of one option the nearer file's
		switch key := canonical(o.Key); {
		case has[key]:
		case o.Inherited && names[o.Key] == "" && knows(c, 1-role, o.Key):
			unused = append(unused, o.Key)
		case names[o.Key] == "":
			return nil, nil, unknownOption(r, role, o.Key, names, c.Options(role)).WithDetail("%s.", o.Where)
		default:
			has[key] = true
			all = append(all, o.Option)
			if o.Inherited {
				inherited = append(inherited, o.Key)
			}
		}
	}
	if n, ok := c.(Inheriting); ok {
		whole := all
		all = slices.DeleteFunc(slices.Clone(all), func(o catalog.Option) bool {
			return slices.Contains(inherited, o.Key) && n.Needless(whole, o.Key)
		})
		for _, key := range inherited {
			if n.Needless(whole, key) {
				unused = append(unused, key)
			}
		}
	}
	slices.Sort(unused)
	return all, unused, nil
}

// knows reports whether an option is one of a connector's in a role.
func knows(c Connector, role Role, key string) bool {
	return slices.ContainsFunc(c.Options(role), func(o Option) bool { return o.Key == key || slices.Contains(o.Aliases, key) })
}
