package protobuf

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Reads says why who has the one schema cannot read what is written with the other; nil: it
// can. The rules are those that Confluent's Schema Registry documents for Protobuf
// (docs.confluent.io, "Schema Evolution and Compatibility", and the grouping of types of
// protobuf.dev, "Updating A Message Type"). Messages are the same by their names without
// the package, fields by their numbers. Refused are:
//
//   - a message of the writer's that the reader has not;
//   - a field of another kind: int32, int64, uint32, uint64, bool and enums are one, so are
//     sint32 and sint64, string and bytes, fixed32 and sfixed32, fixed64 and sfixed64; float,
//     double, groups and maps are each their own;
//   - a field whose message has another name, or cannot be read itself;
//   - a number that is repeated in the one alone;
//   - a required field that only one of them has, and one that only the reader requires;
//   - a oneof of the reader's that takes two fields from outside one, or one field beside
//     some that were in a oneof; a field that is gone from a oneof which goes on.
//
// Fields, messages, enums and oneofs that are added, other fields that go, and new names
// are no matter. Where Confluent's registry refuses more, it decides when it is asked.
func Reads(reader, writer *Schema) error {
	c := comparison{seen: map[[2]protoreflect.FullName]bool{}}
	return c.messages(reader.file.Messages(), writer.file.Messages())
}

type comparison struct {
	seen map[[2]protoreflect.FullName]bool // writer's and reader's, compared or being so
}

func (c comparison) messages(reader, writer protoreflect.MessageDescriptors) error {
	for i := range writer.Len() {
		w := writer.Get(i)
		if w.IsMapEntry() {
			continue
		}
		r := reader.ByName(w.Name())
		if r == nil || r.IsMapEntry() {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "message %q is gone", local(w))
		}
		if err := c.message(r, w); err != nil {
			return err
		}
	}
	return nil
}

func (c comparison) message(r, w protoreflect.MessageDescriptor) error {
	pair := [2]protoreflect.FullName{w.FullName(), r.FullName()}
	if c.seen[pair] {
		return nil
	}
	c.seen[pair] = true
	if err := oneofs(r, w); err != nil {
		return err
	}
	for i := range w.Fields().Len() {
		of := w.Fields().Get(i)
		in := r.Fields().ByNumber(of.Number())
		if in == nil {
			if of.Cardinality() == protoreflect.Required {
				return differs(of, "is required where it is written, and gone")
			}
			continue
		}
		if err := c.field(in, of); err != nil {
			return err
		}
	}
	for i := range r.Fields().Len() {
		in := r.Fields().Get(i)
		if in.Cardinality() == protoreflect.Required && w.Fields().ByNumber(in.Number()) == nil {
			return differs(in, "is required, and not written")
		}
	}
	return c.messages(r.Messages(), w.Messages())
}

// oneofs compares what may be set beside each other.
func oneofs(r, w protoreflect.MessageDescriptor) error {
	for i := range r.Oneofs().Len() {
		o := r.Oneofs().Get(i)
		if o.IsSynthetic() {
			continue
		}
		moved, stayed := 0, 0
		for k := range o.Fields().Len() {
			switch was := w.Fields().ByNumber(o.Fields().Get(k).Number()); {
			case was == nil:
			case oneof(was) == nil:
				moved++
			default:
				stayed++
			}
		}
		if moved > 1 || moved == 1 && stayed > 0 {
			return sqlerr.Errorf(sqlerr.DatatypeMismatch, "oneof %q of message %q takes in fields that are written beside each other", o.Name(), local(r))
		}
	}
	for i := range w.Fields().Len() {
		f := w.Fields().Get(i)
		o := oneof(f)
		if o == nil || r.Fields().ByNumber(f.Number()) != nil {
			continue
		}
		if in := r.Oneofs().ByName(o.Name()); in != nil && !in.IsSynthetic() {
			return differs(f, fmt.Sprintf("is gone from oneof %q", o.Name()))
		}
	}
	return nil
}

// oneof is what the field is one of; nil: it stands by itself.
func oneof(f protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	if o := f.ContainingOneof(); o != nil && !o.IsSynthetic() {
		return o
	}
	return nil
}

func (c comparison) field(r, w protoreflect.FieldDescriptor) error {
	if r.IsMap() != w.IsMap() || family(r.Kind()) != family(w.Kind()) {
		return differs(w, fmt.Sprintf("is written as %s and read as %s", described(w), described(r)))
	}
	if r.IsMap() {
		if err := c.field(r.MapKey(), w.MapKey()); err != nil {
			return err
		}
		return c.field(r.MapValue(), w.MapValue())
	}
	if r.Cardinality() == protoreflect.Required && w.Cardinality() != protoreflect.Required {
		return differs(w, "may be left out where it is written, and is required")
	}
	if r.IsList() != w.IsList() && family(r.Kind()) < families {
		return differs(w, fmt.Sprintf("is written as %s and read as %s", described(w), described(r)))
	}
	if r.Message() == nil {
		return nil
	}
	if local(r.Message()) != local(w.Message()) {
		return differs(w, fmt.Sprintf("is written as %s and read as %s", described(w), described(r)))
	}
	return c.message(r.Message(), w.Message())
}

// families are how many there are of numbers; string and bytes, and messages, follow.
const families = 6

// family groups the kinds that read each other: below families those that may be packed.
func family(k protoreflect.Kind) int {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.BoolKind, protoreflect.EnumKind:
		return 0
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return 1
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return 2
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return 3
	case protoreflect.FloatKind:
		return 4
	case protoreflect.DoubleKind:
		return 5
	case protoreflect.StringKind, protoreflect.BytesKind:
		return families
	case protoreflect.MessageKind:
		return families + 1
	}
	return families + 2
}

// local is a message's name without its package.
func local(m protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(string(m.FullName()), string(m.ParentFile().Package())+".")
}

func described(f protoreflect.FieldDescriptor) string {
	if f.IsMap() {
		return fmt.Sprintf("map<%s, %s>", described(f.MapKey()), described(f.MapValue()))
	}
	t := f.Kind().String()
	switch {
	case f.Message() != nil:
		t = local(f.Message())
	case f.Enum() != nil:
		t = string(f.Enum().Name())
	}
	if f.IsList() {
		t = "repeated " + t
	}
	return t
}

func differs(f protoreflect.FieldDescriptor, how string) error {
	return sqlerr.Errorf(sqlerr.DatatypeMismatch, "field %d (%s) of message %q %s", f.Number(), f.Name(), local(f.ContainingMessage()), how)
}
