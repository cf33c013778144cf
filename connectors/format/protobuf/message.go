package protobuf

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind is the type of a field.
type kind uint8

const (
	kindInt32 kind = iota + 1
	kindSint32
	kindUint32
	kindInt64
	kindSint64
	kindUint64
	kindBool
	kindEnum
	kindFixed32
	kindSfixed32
	kindFloat
	kindFixed64
	kindSfixed64
	kindDouble
	kindString
	kindBytes
	kindMessage
	kindGroup
)

// Types on the wire.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireGroup   = 3
	wireEnd     = 4
	wireFixed32 = 5
)

var kinds = map[protoreflect.Kind]kind{
	protoreflect.Int32Kind: kindInt32, protoreflect.Sint32Kind: kindSint32, protoreflect.Uint32Kind: kindUint32,
	protoreflect.Int64Kind: kindInt64, protoreflect.Sint64Kind: kindSint64, protoreflect.Uint64Kind: kindUint64,
	protoreflect.BoolKind: kindBool, protoreflect.EnumKind: kindEnum,
	protoreflect.Fixed32Kind: kindFixed32, protoreflect.Sfixed32Kind: kindSfixed32, protoreflect.FloatKind: kindFloat,
	protoreflect.Fixed64Kind: kindFixed64, protoreflect.Sfixed64Kind: kindSfixed64, protoreflect.DoubleKind: kindDouble,
	protoreflect.StringKind: kindString, protoreflect.BytesKind: kindBytes,
	protoreflect.MessageKind: kindMessage, protoreflect.GroupKind: kindGroup,
}

// wire is what a value of the kind is on the wire.
func (k kind) wire() uint64 {
	switch {
	case k <= kindEnum:
		return wireVarint
	case k <= kindFloat:
		return wireFixed32
	case k <= kindDouble:
		return wireFixed64
	case k == kindGroup:
		return wireGroup
	}
	return wireBytes
}

// meaning is what a message stands for beside its fields.
type meaning uint8

const (
	meansNothing   meaning = iota
	meansTimestamp         // seconds, nanos
	meansDuration          // seconds, nanos
	meansWrapper           // value
	meansStruct            // JSON
	meansValue
	meansList
	meansAny
	meansUnits  // Decimal{units, scale}
	meansText   // google.type.Decimal
	meansBinary // confluent.type.Decimal
	meansDate
	meansTimeOfDay
)

var meanings = map[protoreflect.FullName]meaning{
	"google.protobuf.Timestamp": meansTimestamp, "google.protobuf.Duration": meansDuration,
	"google.protobuf.DoubleValue": meansWrapper, "google.protobuf.FloatValue": meansWrapper, "google.protobuf.Int64Value": meansWrapper,
	"google.protobuf.UInt64Value": meansWrapper, "google.protobuf.Int32Value": meansWrapper, "google.protobuf.UInt32Value": meansWrapper,
	"google.protobuf.BoolValue": meansWrapper, "google.protobuf.StringValue": meansWrapper, "google.protobuf.BytesValue": meansWrapper,
	"google.protobuf.Struct": meansStruct, "google.protobuf.Value": meansValue, "google.protobuf.ListValue": meansList, "google.protobuf.Any": meansAny,
	"google.type.Decimal": meansText, "google.type.Date": meansDate, "google.type.TimeOfDay": meansTimeOfDay, "confluent.type.Decimal": meansBinary,
}

// message is a type of messages; of those that contain themselves they go in a circle.
type message struct {
	name   string
	desc   protoreflect.MessageDescriptor
	means  meaning
	fields []*field // in the order of the declaration
	byNum  map[protoreflect.FieldNumber]*field
	small  [64]*field // those of low numbers
}

type field struct {
	name     string
	num      protoreflect.FieldNumber
	kind     kind
	list     bool
	isMap    bool // a list of messages of key and value
	presence bool // it can be told whether it was set
	oneof    bool // it is one of several
	packed   bool
	required bool
	message  *message
	labels   map[int32]string // of an enum
	dense    []string         // those of the numbers from 0 on
	numbers  map[string]int32
	place    int // among the message's fields
}

// of makes the message of a descriptor.
func (s *Schema) of(d protoreflect.MessageDescriptor) *message {
	if m := s.made[d.FullName()]; m != nil {
		return m
	}
	m := &message{name: string(d.FullName()), desc: d, means: meanings[d.FullName()], byNum: map[protoreflect.FieldNumber]*field{}}
	s.made[d.FullName()] = m
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		f := &field{
			name: string(fd.Name()), num: fd.Number(), kind: kinds[fd.Kind()], list: fd.IsList() || fd.IsMap(), isMap: fd.IsMap(),
			presence: fd.HasPresence(), place: i, packed: fd.IsPacked(), required: fd.Cardinality() == protoreflect.Required,
		}
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			f.oneof = true
		}
		if fd.Message() != nil {
			f.message = s.of(fd.Message())
		}
		if e := fd.Enum(); e != nil {
			f.labels, f.numbers = map[int32]string{}, map[string]int32{}
			for k := range e.Values().Len() {
				v := e.Values().Get(k)
				if _, ok := f.labels[int32(v.Number())]; !ok { // of aliases the first
					f.labels[int32(v.Number())] = string(v.Name())
				}
				f.numbers[string(v.Name())] = int32(v.Number())
			}
			for k := int32(0); k < 64 && f.labels[k] != ""; k++ {
				f.dense = append(f.dense, f.labels[k])
			}
		}
		m.fields = append(m.fields, f)
		m.byNum[f.num] = f
		if int(f.num) < len(m.small) {
			m.small[f.num] = f
		}
	}
	if d.Name() == "Decimal" && m.means == meansNothing {
		units, scale := m.named("units"), m.named("scale")
		if units != nil && scale != nil && units.kind.whole() && scale.kind.whole() && len(m.fields) == 2 && !units.list && !scale.list {
			m.means = meansUnits
		}
	}
	return m
}

// whole reports whether a value is an integer.
func (k kind) whole() bool {
	return k != kindBool && k != kindEnum && k != kindFloat && k != kindDouble && k < kindString
}

func (m *message) named(name string) *field {
	for _, f := range m.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

func (m *message) number(num uint64) *field {
	if num < uint64(len(m.small)) {
		return m.small[num]
	}
	if num >= 1<<29 {
		return nil
	}
	return m.byNum[protoreflect.FieldNumber(num)]
}

// scalar reports whether a message is one value, and not its fields.
func (m *message) scalar() bool { return m.means != meansNothing }
