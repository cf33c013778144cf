package http

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// secret is the value of a key, of KEY_env or of KEY_file. hidden: it was not written in
// the declaration, and is not shown.
func secret(env *stream.Env, rel *catalog.Relation, v *stream.Values, key string) (value string, hidden bool, err error) {
	s := object.SecretOf(v, key)
	value, err = s.Read(env, rel.Name)
	return value, s.Hidden() && err == nil, err
}
