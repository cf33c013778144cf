package object

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Template is a path in which fields in braces stand for when a file was begun, in UTC,
// and which batch of rows it begins with.
type Template struct {
	text   string
	fields []string // by their names, in order
	parts  []string // before, between and behind the fields
}

// templateLayouts are the fields of a template that are a time's.
var templateLayouts = map[string]string{
	"year": "2006", "month": "01", "day": "02", "hour": "15", "minute": "04",
	"date": "2006-01-02", "timestamp": "20060102T150405.000",
}

// batchField is the field of a template that is the batch's.
const batchField = "batch_id"

// TemplateFields are the fields that a template may have, for messages.
const TemplateFields = "{year}, {month}, {day}, {hour}, {minute}, {date}, {timestamp} and {batch_id}"

// ParseTemplate reads a path; one without braces is itself.
func ParseTemplate(s string) (Template, error) {
	t := Template{text: s}
	rest := s
	for {
		at := strings.IndexAny(rest, "{}")
		if at < 0 {
			t.parts = append(t.parts, rest)
			return t, nil
		}
		end := strings.IndexByte(rest, '}')
		if rest[at] == '}' || end < 0 {
			return t, sqlerr.Errorf(sqlerr.InvalidParameterValue, "path %q has a brace without its other one", s)
		}
		name := rest[at+1 : end]
		if _, ok := templateLayouts[name]; !ok && name != batchField {
			return t, sqlerr.Errorf(sqlerr.InvalidParameterValue, "path %q has the field {%s}, which is none", s, name).
				WithHint("The fields of a path are %s.", TemplateFields)
		}
		t.parts, t.fields = append(t.parts, rest[:at]), append(t.fields, name)
		rest = rest[end+1:]
	}
}

// String is the path as it was written.
func (t Template) String() string { return t.text }

// Plain reports whether the path has no field.
func (t Template) Plain() bool { return len(t.fields) == 0 }

// Has reports whether the path has one of the fields.
func (t Template) Has(names ...string) bool {
	return slices.ContainsFunc(t.fields, func(f string) bool { return slices.Contains(names, f) })
}

// Prefix is what stands before the first field.
func (t Template) Prefix() string { return t.parts[0] }

// Expand is the path of a file that is begun at a time, with a batch.
func (t Template) Expand(at time.Time, batch string) string {
	var b strings.Builder
	at = at.UTC()
	for i, f := range t.fields {
		b.WriteString(t.parts[i])
		if f == batchField {
			b.WriteString(batch)
		} else {
			b.WriteString(strings.ReplaceAll(at.Format(templateLayouts[f]), ".", ""))
		}
	}
	b.WriteString(t.parts[len(t.fields)])
	return b.String()
}

// templateShapes are what the fields become.
var templateShapes = map[string]string{
	"year": `[0-9]{4}`, "month": `[0-9]{2}`, "day": `[0-9]{2}`, "hour": `[0-9]{2}`, "minute": `[0-9]{2}`,
	"date": `[0-9]{4}-[0-9]{2}-[0-9]{2}`, "timestamp": `[0-9]{8}T[0-9]{9}`, batchField: `[0-9]+`,
}

// Matcher matches the ends of absolute paths that the template makes, and nothing else.
func (t Template) Matcher() *regexp.Regexp {
	var b strings.Builder
	for i, f := range t.fields {
		b.WriteString(regexp.QuoteMeta(t.parts[i]) + templateShapes[f])
	}
	b.WriteString(regexp.QuoteMeta(t.parts[len(t.fields)]))
	text := strings.TrimPrefix(b.String(), "file://")
	return regexp.MustCompile("(^|/)" + strings.TrimLeft(strings.TrimPrefix(text, `\./`), "/") + "$")
}

// Pattern matches the paths that the template makes, and others.
func (t Template) Pattern() string { return strings.Join(t.parts, "*") }
