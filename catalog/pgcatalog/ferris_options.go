package pgcatalog

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// secretWords mark the keys whose values are never shown.
var secretWords = []string{"password", "secret", "token", "credential", "private", "passphrase", "jaas", "access.key", "access_key", "api.key", "api_key", "sasl.username", "auth_header"}

// Secret tells whether a WITH key's value must not be shown to anyone.
func Secret(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(key, w) })
}

// showOptions sets a jsonb column to options, with secrets masked.
func (r *row) showOptions(column string, options catalog.Options) *row {
	m := map[string]string{}
	for _, o := range options {
		if Secret(o.Key) || urlPassword(o.Value) {
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
		if Secret(o.Key) || urlPassword(o.Value) {
			return ""
		}
	}
	return text
}
