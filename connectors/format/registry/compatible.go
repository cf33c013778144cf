package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Rules are what a subject asks of a new version.
type Rules struct {
	Subject  string
	Level    string // BACKWARD, FULL_TRANSITIVE, ...
	Backward bool   // who has the new version reads what was written with an old one
	Forward  bool   // who has an old version reads what is written with the new one
	Lenient  bool   // of JSON Schema: the registry's compatibilityPolicy
	Versions []Version

	next *Schema
}

// Version is one of a subject's.
type Version struct {
	Number int
	Schema *Schema
}

// Rules returns what a schema is to be compared with before it is registered: the newest
// version, of a transitive level all of them, newest first; none where it is one of the
// subject's already, where the subject has none or asks nothing, and where the registry
// does not tell, which then decides alone.
func (c *Client) Rules(ctx context.Context, subject string, next *Schema) (Rules, error) {
	r := Rules{Subject: subject, next: next}
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if schema, _, err := c.referring(ask, next, false); err == nil {
		if _, err := c.cl.LookupSchema(ask, subject, schema); err == nil {
			return r, nil
		}
	}
	var level struct {
		Level  string `json:"compatibilityLevel"`
		Policy string `json:"compatibilityPolicy"`
		Group  string `json:"compatibilityGroup"`
	}
	if err := c.cl.Do(sr.WithParams(ask, sr.DefaultToGlobal), http.MethodGet, "/config/"+url.PathEscape(subject), nil, &level); err != nil || level.Group != "" {
		return r, nil //nolint:nilerr // versions of other groups are not told apart here
	}
	r.Level, r.Lenient = level.Level, level.Policy == "LENIENT"
	r.Backward = strings.HasPrefix(r.Level, "BACKWARD") || strings.HasPrefix(r.Level, "FULL")
	r.Forward = strings.HasPrefix(r.Level, "FORWARD") || strings.HasPrefix(r.Level, "FULL")
	if !r.Backward && !r.Forward {
		return r, nil
	}
	numbers, err := c.cl.SubjectVersions(ask, subject)
	if err != nil || len(numbers) == 0 {
		return r, nil //nolint:nilerr // it has none, or the registration says why it cannot be asked
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	if !strings.HasSuffix(r.Level, "_TRANSITIVE") {
		numbers = numbers[:1]
	}
	for _, n := range numbers {
		got, err := c.cl.SchemaByVersion(ask, subject, n)
		if err != nil {
			return r, c.wording(ctx, err, sqlerr.Errorf(sqlerr.UndefinedObject, "version %d of subject %q is not in the registry at %q", n, subject, c.url))
		}
		s, err := c.complete(ask, uint32(got.ID), got.Schema)
		if err != nil {
			return r, c.wording(ctx, err, sqlerr.Errorf(sqlerr.UndefinedObject, "what version %d of subject %q refers to is not in the registry at %q", n, subject, c.url))
		}
		r.Versions = append(r.Versions, Version{n, s})
	}
	return r, nil
}

// Check compares the new version with the old ones: reads says why who has the one schema
// cannot read what was written with the other.
func (r Rules) Check(reads func(reader, writer *Schema) error) error {
	for _, v := range r.Versions {
		if v.Schema.Kind != r.next.Kind {
			return r.refuse(v, "they are written in two languages", sqlerr.Errorf(sqlerr.DatatypeMismatch, "the one is %s, the other %s", r.next.Kind, v.Schema.Kind))
		}
		if r.Backward {
			if err := reads(r.next, v.Schema); err != nil {
				return r.refuse(v, "what was written with that cannot be read with it", err)
			}
		}
		if r.Forward {
			if err := reads(v.Schema, r.next); err != nil {
				return r.refuse(v, "who has that cannot read what is written with it", err)
			}
		}
	}
	return nil
}

func (r Rules) refuse(v Version, why string, err error) error {
	return sqlerr.Errorf(sqlerr.InvalidTableDefinition, "the sink's schema, which would be version %d of subject %q, is not compatible with version %d (%s): %s: %w", r.Versions[0].Number+1, r.Subject, v.Number, r.Level, why, err).
		WithHint("Change the sink's columns so that those who read the older version can go on, or write to a new subject.")
}

// written is a schema as it is sent, with what it refers to by name.
func written(kind Kind, text string, names []string, refers map[string]sr.SchemaReference) sr.Schema {
	schema := sr.Schema{Schema: text}
	switch kind {
	case Protobuf:
		schema.Type = sr.TypeProtobuf
	case JSON:
		schema.Type = sr.TypeJSON
	}
	for _, name := range names {
		schema.References = append(schema.References, refers[name])
	}
	return schema
}

// Place is where a schema is in a registry.
type Place struct {
	ID      uint32
	Subject string
	Version int // 0: it is not known which one it is
}

func (p Place) String() string {
	if p.Version == 0 {
		return fmt.Sprintf("schema %d", p.ID)
	}
	return fmt.Sprintf("version %d of subject %q (schema %d)", p.Version, p.Subject, p.ID)
}

// mostBeside is how many versions of a subject are looked at for one that fits.
const mostBeside = 20

// Beside tells where a schema is, of the subject given if it is one of its versions, and
// which is the newest of the subject's others that fits says nothing against. What the
// registry does not tell is left out.
func (c *Client) Beside(ctx context.Context, subject string, id uint32, fits func(*Schema) error) (is, other Place) {
	is.ID = id
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	places, err := c.cl.SchemaVersionsByID(ask, int(id))
	if err != nil {
		return is, other
	}
	for _, p := range places {
		if is.Version == 0 || p.Subject == subject && is.Subject != subject {
			is.Subject, is.Version = p.Subject, p.Version
		}
	}
	if subject == "" {
		subject = is.Subject
	}
	numbers, err := c.cl.SubjectVersions(ask, subject)
	if err != nil {
		return is, other
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	for _, n := range numbers[:min(len(numbers), mostBeside)] {
		got, err := c.cl.SchemaByVersion(ask, subject, n)
		if err != nil || uint32(got.ID) == id {
			continue
		}
		if s, err := c.complete(ask, uint32(got.ID), got.Schema); err == nil && fits(s) == nil {
			return is, Place{s.ID, subject, n}
		}
	}
	return is, other
}
