package parse

import (
	"errors"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// parseTree gives text to PostgreSQL's parser, whose state is each thread's own,
// so that calls may run at once. What the parser says against the text is the
// second result.
func parseTree(text string) (*pg.ParseResult, *parser.Error, error) {
	bytes, err := parser.ParseToProtobuf(text)
	if err != nil {
		var pe *parser.Error
		errors.As(err, &pe)
		return nil, pe, err
	}
	tree := &pg.ParseResult{}
	// A tree as deep as maxDepth allows is several messages deep at each level,
	// past the default limit of protobuf.
	if err := (proto.UnmarshalOptions{RecursionLimit: 100 * maxDepth}).Unmarshal(bytes, tree); err != nil {
		return nil, nil, fmt.Errorf("decoding PostgreSQL's parse tree: %w", err)
	}
	return tree, nil, nil
}

// resolver goes through a tree: it moves its positions, and puts in what calls
// stand for.
type resolver struct {
	unit  *unit
	shift int
	err   *sqlerr.Error
}

func (r *resolver) message(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.Int32Kind && isPosition(f):
			if p := v.Int(); p > 0 {
				m.Set(f, protoreflect.ValueOfInt32(int32(max(0, int(p)+r.shift))))
			}
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				r.message(v.List().Get(i).Message())
			}
		default:
			r.message(v.Message())
		}
		return true
	})
	if node, ok := m.Interface().(*pg.Node); ok {
		if f := node.GetFuncCall(); f != nil && r.err == nil {
			r.err = r.unit.resolveCall(node, f)
		}
	}
}

// isPosition reports whether a field of a parse tree is a byte of the text.
func isPosition(f protoreflect.FieldDescriptor) bool {
	switch f.Name() {
	case "location", "name_location", "stmt_location":
		return true
	}
	return false
}

// place puts every position of a tree at one byte.
func place(m protoreflect.Message, at int) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.Int32Kind && isPosition(f):
			m.Set(f, protoreflect.ValueOfInt32(int32(at)))
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				place(v.List().Get(i).Message(), at)
			}
		default:
			place(v.Message(), at)
		}
		return true
	})
}
