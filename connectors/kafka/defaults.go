package kafka

import (
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ofSecurity reports whether a key says how the brokers are reached, or by whom. Those of
// the server's configuration belong to the server's brokers: no other broker is told its
// password, and no declaration mixes them with its own.
func ofSecurity(key string) bool {
	return strings.HasPrefix(key, "security.") || strings.HasPrefix(key, "sasl.") || strings.HasPrefix(key, "ssl.")
}

// reaching are those of a relation's options that say how its brokers are reached.
func reaching(all catalog.Options) catalog.Options {
	var own catalog.Options
	for _, o := range all {
		if o.Key == "bootstrap.servers" || o.Key == "brokers" || ofSecurity(o.Key) {
			own = append(own, o)
		}
	}
	return own
}

// withDefaults is a relation with those of the server's options that it takes and does not
// give, and whether these are all that it has of security.
func withDefaults(rel *catalog.Relation, known []stream.Option, defaults catalog.Options) (*catalog.Relation, bool) {
	if len(defaults) == 0 {
		return rel, false
	}
	_, elsewhere := rel.Options.Get("bootstrap.servers", "brokers")
	own := elsewhere || slices.ContainsFunc(rel.Options, func(o catalog.Option) bool { return ofSecurity(o.Key) })
	all, secured := slices.Clone(rel.Options), false
	for _, d := range defaults {
		if ofSecurity(d.Key) && own {
			continue
		}
		at := slices.IndexFunc(known, func(o stream.Option) bool { return o.Key == d.Key })
		if at < 0 { // of the other role
			continue
		}
		if _, given := rel.Options.Get(append([]string{d.Key}, known[at].Aliases...)...); !given {
			all = append(all, d)
			secured = secured || ofSecurity(d.Key)
		}
	}
	with := *rel
	with.Options = all
	return &with, secured
}

// trusted is an environment for the files and variables that the server's configuration
// names.
func (s *security) trusted(env *stream.Env) *stream.Env {
	own := *env
	own.FileRoots = []string{"/"}
	own.AllowedEnv = []string{s.user.Env, s.password.Env}
	return &own
}

// CheckDefaults reads the server's options as every source and sink of its brokers would.
func CheckDefaults(env *stream.Env) error {
	rel := &catalog.Relation{Name: "kafka", Kind: catalog.Stream, Connector: "kafka"}
	if _, _, err := read(rel, stream.RoleSource, env); err != nil {
		return err
	}
	_, _, err := read(rel, stream.RoleSink, env)
	return err
}
