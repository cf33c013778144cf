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

// relationMade is the statement that makes a relation, and nothing where that would
// show a secret, or nobody reads it.
func relationMade(c *Context, t *table, r *catalog.Relation) string {
	switch {
	case !t.wants("definition"):
		return ""
	case c.Statements == nil:
		return definition(r.Text, r.Options)
	}
	text := definition(c.Statements.Relation(r), r.Options)
	if r.Query != "" && redact(text) != text { // its options are in its query alone
		return ""
	}
	return text
}

// jobMade is relationMade of a job; a view makes its own.
func jobMade(c *Context, t *table, j *catalog.Job) string {
	switch {
	case !t.wants("definition"):
		return ""
	case c.Statements == nil:
		return definition(j.Text, ownedOptions(c, j))
	}
	for _, r := range c.Snapshot.Relations() {
		if r.Kind == catalog.MatView && r.Job == j.Name {
			return relationMade(c, t, r)
		}
	}
	return definition(c.Statements.Job(j), ownedOptions(c, j))
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
