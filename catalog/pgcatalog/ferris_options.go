package pgcatalog

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// showOptions sets a jsonb column to options, with secrets masked.
func (r *row) showOptions(column string, options catalog.Options) *row {
	m := map[string]string{}
	for _, o := range options {
		if catalog.Secret(o.Key) || urlPassword(o.Value) {
			o.Value = "********"
		}
		m[o.Key] = o.Value
	}
	b, err := json.Marshal(m)
	if err == nil {
		b, err = types.AppendCanonicalJSON(nil, b)
	}
	if err != nil {
		return r // a map of strings always has a text
	}
	return r.str(column, string(b))
}

// urlPassword tells whether a value is a connection string with a password in it.
func urlPassword(v string) bool {
	if _, rest, ok := strings.Cut(v, "://"); ok {
		if user, _, at := strings.Cut(rest, "@"); at && strings.Contains(user, ":") && !strings.Contains(user, "/") {
			return true
		}
	}
	if plain, err := url.QueryUnescape(v); err == nil && strings.Contains(strings.ToLower(plain), "password=") {
		return true
	}
	return strings.Contains(strings.ToLower(v), "password=")
}

// definition is an object's text, and nothing where it would show a secret.
func definition(text string, options catalog.Options) string {
	for _, o := range options {
		if catalog.Secret(o.Key) || urlPassword(o.Value) {
			return ""
		}
	}
	return text
}
