package avro

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	hamba "github.com/hamba/avro/v2"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// maxSchema is the longest schema that is read, in bytes.
const maxSchema = 4 << 20

// Schema is a parsed schema. It is never changed, so any goroutine may use it.
type Schema struct {
	// Text is the schema as it was given.
	Text string
	// Moved are the fields, record.field each, whose logicalType stood beside their
	// type and not in it; it is honoured all the same.
	Moved []string

	root   *node
	parsed hamba.Schema
}

// Parse reads a schema. references are the texts of schemas that it names, each
// after those that it names itself.
func Parse(text string, references ...string) (s *Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = invalidSchema(fmt.Errorf("%v", r))
		}
	}()
	cache := &hamba.SchemaCache{}
	s = &Schema{Text: text}
	for _, t := range append(slices.Clone(references), text) {
		if len(t) > maxSchema {
			return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "an Avro schema of %d bytes is larger than %d", len(t), maxSchema)
		}
		s.Moved = nil
		plain, err := s.normalize(t)
		if err != nil {
			return nil, err
		}
		if s.parsed, err = hamba.ParseBytesWithCache(plain, "", cache); err != nil {
			return nil, invalidSchema(err)
		}
	}
	b := graph{named: map[string]*node{}, left: maxDefaults}
	s.root, err = b.node(s.parsed)
	return s, err
}

func invalidSchema(err error) error {
	return sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Avro schema: %s", strings.TrimPrefix(err.Error(), "avro: "))
}

// rawDefault is a property under which normalize keeps a default as it is written:
// the parser makes float64 of its numbers. The parser itself is not shown them: it
// follows a default into each default inside it, which need never end.
const rawDefault = "default as written"

// normalize moves a logicalType that stands beside a field's type into the type,
// and notes defaults as they are written.
func (s *Schema) normalize(text string) ([]byte, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		// The name of a primitive type may stand without quotes.
		if word := strings.TrimSpace(text); !strings.ContainsAny(word, "{}[]\" ") && word != "" {
			return json.Marshal(word)
		}
		return nil, invalidSchema(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Avro schema: something follows it")
	}
	if err := s.walk(v, "", 0); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, invalidSchema(err)
	}
	return out.Bytes(), nil
}

// maxDepth bounds how deep a schema's types, and a record's values, lie in each
// other.
const maxDepth = 500

func (s *Schema) walk(v any, record string, depth int) error {
	if depth > maxDepth {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the types of an Avro schema lie more than %d deep in each other", maxDepth)
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if err := s.walk(x, record, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		exact(v)
		if name, ok := v["name"].(string); ok {
			record = name
		}
		fields, _ := v["fields"].([]any)
		for _, f := range fields {
			field, ok := f.(map[string]any)
			if !ok {
				continue
			}
			exact(field)
			if def, ok := field["default"]; ok {
				raw, err := json.Marshal(def)
				if err != nil {
					return invalidSchema(err)
				}
				field[rawDefault] = string(raw)
				delete(field, "default")
			}
			if s.inner(field) {
				s.Moved = append(s.Moved, fmt.Sprintf("%s.%v", record, field["name"]))
			}
			if err := s.walk(field["type"], record, depth+1); err != nil {
				return err
			}
		}
		for _, k := range []string{"items", "values", "type"} {
			if x, ok := v[k]; ok {
				if err := s.walk(x, record, depth+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// exact takes out what the parser would take for an attribute of Avro, as it has no
// regard to case, and what is none.
func exact(v map[string]any) {
	for k := range v {
		for _, name := range []string{"default", "fields", "items", "values", "type"} {
			if k != name && strings.EqualFold(k, name) {
				delete(v, k)
			}
		}
	}
}

// inner moves a field's logicalType into its type, or into the one branch of its
// union that is not null.
func (s *Schema) inner(field map[string]any) bool {
	logical, ok := field["logicalType"].(string)
	if !ok {
		return false
	}
	wrap := func(t string) map[string]any {
		m := map[string]any{"type": t, "logicalType": logical}
		for _, k := range []string{"precision", "scale"} {
			if x, ok := field[k]; ok {
				m[k] = x
			}
		}
		return m
	}
	switch t := field["type"].(type) {
	case string:
		if !primitive(t) {
			return false
		}
		field["type"] = wrap(t)
	case []any:
		at := -1
		for i, b := range t {
			if b == "null" {
				continue
			}
			if name, ok := b.(string); !ok || !primitive(name) || at >= 0 {
				return false
			}
			at = i
		}
		if at < 0 {
			return false
		}
		t[at] = wrap(t[at].(string))
	default:
		return false
	}
	for _, k := range []string{"logicalType", "precision", "scale"} {
		delete(field, k)
	}
	return true
}

func primitive(name string) bool {
	switch name {
	case "boolean", "int", "long", "float", "double", "bytes", "string":
		return true
	}
	return false
}

// Fingerprint is the CRC-64-AVRO of the schema's canonical form, as single-object
// encoding has it, little-endian.
func (s *Schema) Fingerprint() ([8]byte, error) {
	sum, err := s.parsed.FingerprintUsing(hamba.CRC64Avro)
	if err != nil || len(sum) != 8 {
		return [8]byte{}, sqlerr.Errorf(sqlerr.InternalError, "fingerprinting an Avro schema: %v", err)
	}
	var f [8]byte
	copy(f[:], sum)
	slices.Reverse(f[:])
	return f, nil
}

// Readable is nil where what writer wrote can be read as s, and says else why not.
func (s *Schema) Readable(writer *Schema) error {
	_, err := resolve(writer.root, s.root)
	return err
}

// Record is the full name of the record that the schema describes, "" where it
// describes none.
func (s *Schema) Record() string {
	if s.root.kind != kindRecord {
		return ""
	}
	return s.root.name
}
