package registry

import (
	"context"
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
	Versions []Version
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
func (c *Client) Rules(ctx context.Context, subject string, kind Kind, text string) (Rules, error) {
	r := Rules{Subject: subject}
	ask, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := c.cl.LookupSchema(ask, subject, written(kind, text)); err == nil {
		return r, nil
	}
	level := c.cl.Compatibility(sr.WithParams(ask, sr.DefaultToGlobal), subject)
	if len(level) != 1 || level[0].Err != nil {
		return r, nil
	}
	r.Level = level[0].Level.String()
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

// Check compares a new version with the old ones: reads says why who has the one schema
// cannot read what was written with the other.
func (r Rules) Check(reads func(reader, writer *Schema) error, text string) error {
	next := &Schema{Text: text}
	for _, v := range r.Versions {
		next.Kind = v.Schema.Kind
		if r.Backward {
			if err := reads(next, v.Schema); err != nil {
				return r.refuse(v, "what was written with that cannot be read with it", err)
			}
		}
		if r.Forward {
			if err := reads(v.Schema, next); err != nil {
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

// written is a schema as it is sent.
func written(kind Kind, text string) sr.Schema {
	schema := sr.Schema{Schema: text}
	switch kind {
	case Protobuf:
		schema.Type = sr.TypeProtobuf
	case JSON:
		schema.Type = sr.TypeJSON
	}
	return schema
}
