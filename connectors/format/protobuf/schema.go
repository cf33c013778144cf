// Package protobuf turns Protocol Buffers into columns and back. A Decoder is compiled
// for a message's descriptor and the columns that somebody reads: it steps through the
// bytes of a record once, and each value goes straight into its column. The compiler
// of .proto files is a library's; what touches records is here. The package knows
// nothing of where records or schemas come from.
package protobuf

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Schema is a compiled .proto file.
type Schema struct {
	Text string
	file protoreflect.FileDescriptor
	made map[protoreflect.FullName]*message

	loaded map[string]string // texts of imports, by name; those that are known are not among them
}

// Import is a file that a schema imports.
type Import struct {
	Name, Text string
	Imports    []string // names of those that it imports itself
}

// Imports are the names of what the schema imports, and all files that are imported, each
// after those that it imports itself. Those that every compiler has are not among them.
func (s *Schema) Imports() (direct []string, all []Import) {
	seen := map[string]bool{}
	var walk func(f protoreflect.FileDescriptor) []string
	walk = func(f protoreflect.FileDescriptor) (names []string) {
		for i := range f.Imports().Len() {
			in := f.Imports().Get(i)
			text, ok := s.loaded[in.Path()]
			if !ok {
				continue
			}
			if names = append(names, in.Path()); !seen[in.Path()] {
				seen[in.Path()] = true
				of := walk(in)
				all = append(all, Import{in.Path(), text, of})
			}
		}
		return names
	}
	return walk(s.file), all
}

const (
	// maxText is the longest text of a schema, with each of what it imports.
	maxText = 4 << 20
	// maxBraces is how deep messages lie in each other in a text.
	maxBraces = 64
	// mainFile is what a schema is called where its text has no name.
	mainFile = "schema.proto"
)

// Parse compiles a schema's text. load reads the text of an import by its name;
// fs.ErrNotExist: there is none. Google's own files are known.
func Parse(text string, load func(name string) (string, error)) (*Schema, error) {
	if err := checkText(mainFile, text); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	loaded := map[string]string{}
	c := protocompile.Compiler{MaxParallelism: 1, Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: func(name string) (io.ReadCloser, error) {
			if name == mainFile {
				return io.NopCloser(strings.NewReader(text)), nil
			}
			s, err := "", fs.ErrNotExist
			if load != nil {
				s, err = load(name)
			}
			if err == nil {
				mu.Lock()
				loaded[name] = s
				mu.Unlock()
			}
			if known, ok := wellKnown[name]; err != nil && ok {
				s, err = known, nil
			}
			if err == nil {
				err = checkText(name, s)
			}
			return io.NopCloser(strings.NewReader(s)), err
		},
	})}
	files, err := c.Compile(context.Background(), mainFile)
	if err != nil {
		var own *sqlerr.Error
		if errors.As(err, &own) {
			return nil, own
		}
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid Protobuf schema: %w", err).
			WithHint("The place is file:line:column. What a file imports is looked for beside it.")
	}
	return &Schema{Text: text, file: files[0], made: map[protoreflect.FullName]*message{}, loaded: loaded}, nil
}

// checkText bounds what the compiler is given.
func checkText(name, text string) error {
	if len(text) > maxText {
		return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "the Protobuf schema %q is longer than %d bytes", name, maxText)
	}
	depth := 0
	for _, c := range []byte(text) {
		switch c {
		case '{', '[', '<', '(':
			depth++
		case '}', ']', '>', ')':
			depth--
		}
		if depth > maxBraces {
			return sqlerr.Errorf(sqlerr.StatementTooComplex, "the Protobuf schema %q is nested more than %d deep", name, maxBraces)
		}
	}
	return nil
}

// message finds a message by its name, full or without the package; "": the first.
func (s *Schema) message(name string) (*message, error) {
	all := s.file.Messages()
	if name == "" {
		if all.Len() == 0 {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the Protobuf schema has no message")
		}
		return s.of(all.Get(0)), nil
	}
	if d := find(all, name, string(s.file.Package())); d != nil {
		return s.of(d), nil
	}
	e := sqlerr.Errorf(sqlerr.UndefinedObject, "message %q is not in the Protobuf schema", name)
	var names []string
	for i := range all.Len() {
		names = append(names, string(all.Get(i).Name()))
	}
	return nil, e.WithHint("It has %s.", strings.Join(names, ", "))
}

func find(in protoreflect.MessageDescriptors, name, pkg string) protoreflect.MessageDescriptor {
	for i := range in.Len() {
		d := in.Get(i)
		full := string(d.FullName())
		if full == name || strings.TrimPrefix(full, pkg+".") == name {
			return d
		}
		if d := find(d.Messages(), name, pkg); d != nil {
			return d
		}
	}
	return nil
}

// at finds a message by its place among its file's, as a registry's framing has it.
func (s *Schema) at(places []int32) (*message, bool) {
	in := s.file.Messages()
	var d protoreflect.MessageDescriptor
	for _, i := range places {
		if i < 0 || int(i) >= in.Len() {
			return nil, false
		}
		d = in.Get(int(i))
		in = d.Messages()
	}
	if d == nil {
		return nil, false
	}
	return s.of(d), true
}

// Places is where a message is among its file's, and its full name.
func (s *Schema) Places(name string) (places []int32, full string, err error) {
	m, err := s.message(name)
	if err != nil {
		return nil, "", err
	}
	for d := protoreflect.Descriptor(m.desc); ; d = d.Parent() {
		if _, ok := d.(protoreflect.FileDescriptor); ok {
			return places, m.name, nil
		}
		places = append([]int32{int32(d.Index())}, places...)
	}
}

// Beside makes the imports of a file: beside it, and as the packages above it have them.
func Beside(file string, read func(path string) ([]byte, error)) func(name string) (string, error) {
	return func(name string) (string, error) {
		dir := path.Dir(file)
		for {
			b, err := read(path.Join(dir, name))
			if err == nil {
				return string(b), nil
			}
			if up := path.Dir(dir); up != dir && dir != "." {
				dir = up
				continue
			}
			return "", fs.ErrNotExist
		}
	}
}

// wellKnown are files that schemas import and the compiler does not have.
var wellKnown = map[string]string{
	"google/type/decimal.proto":    `syntax = "proto3"; package google.type; message Decimal { string value = 1; }`,
	"google/type/date.proto":       `syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
	"google/type/timeofday.proto":  `syntax = "proto3"; package google.type; message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }`,
	"google/type/money.proto":      `syntax = "proto3"; package google.type; message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`,
	"confluent/type/decimal.proto": `syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }`,
	"confluent/meta.proto": `syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
		message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
		extend google.protobuf.FileOptions { Meta file_meta = 1088; }
		extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
		extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
		extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
		extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }`,
}
