package parse

import (
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// FuzzParse sends any text to Parse: the process must live, every position must
// be in the text, what is kept as text must parse again to the same tree, and a
// text without a streaming clause must have PostgreSQL's own tree.
func FuzzParse(f *testing.F) {
	for _, text := range corpus(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkParse(t, text)
		if n, err := Expr(text); err == nil {
			checkPlaces(t, text, n.ProtoReflect())
		} else {
			checkPosition(t, text, sqlerr.From(err).Position)
		}
	})
}

func checkParse(t *testing.T, text string) {
	stmts, err := Parse(text)
	if err != nil {
		e := sqlerr.From(err)
		checkPosition(t, text, e.Position)
		if e.Code == sqlerr.InternalError {
			t.Fatalf("%q: %v", text, err)
		}
		return
	}
	plain := true
	for _, s := range stmts {
		checkPosition(t, text, s.Pos)
		if got := string([]rune(text)[s.Pos-1:]); !strings.HasPrefix(got, s.Text) {
			t.Fatalf("%q: statement %q at %d", text, s.Text, s.Pos)
		}
		if s.Node != nil {
			checkPlaces(t, text, s.Node.ProtoReflect())
		}
		for _, n := range s.Into {
			checkPosition(t, text, n.Pos)
		}
		for _, p := range s.With {
			checkPosition(t, text, p.Pos)
		}
		plain = plain && s.Stream == nil && s.From == nil && len(s.Clauses) == 0 && len(s.With) == 0 && len(s.Into) == 0
		checkKept(t, text, s)
	}
	if !plain {
		return
	}
	if u, err := newUnit(text); err != nil || string(u.body) != text {
		return // an interval or a cast was replaced
	}
	want, err := pg.Parse(text)
	if err != nil {
		t.Fatalf("%q parses where PostgreSQL says %v", text, err)
	}
	if len(want.Stmts) == 0 && len(stmts) == 1 && stmts[0].Node == nil {
		return
	}
	for i, s := range stmts {
		if i >= len(want.Stmts) || !proto.Equal(s.Node, want.Stmts[i].Stmt) {
			t.Fatalf("%q: statement %d differs from PostgreSQL's", text, i)
		}
	}
}

// checkKept parses again what a statement keeps as text.
func checkKept(t *testing.T, text string, s Statement) {
	var kept string
	var node *pg.Node
	switch x := s.Stream.(type) {
	case *CreateStream:
		kept, node = x.SelectText, x.Select
		if x.Watermark != nil {
			if n, err := Expr(x.Watermark.Expr); err != nil || deparse(wrap(n)) != deparse(wrap(x.Watermark.Node)) {
				t.Fatalf("%q: watermark %q: %v", text, x.Watermark.Expr, err)
			}
		}
		for _, m := range []map[string]string{x.GeneratedText, x.DefaultText} {
			for c, e := range m {
				if _, err := Expr(e); err != nil {
					t.Fatalf("%q: column %s: %q: %v", text, c, e, err)
				}
			}
		}
	case *StartJob:
		kept, node = x.SelectText, x.Select
	}
	if node != nil {
		again, err := Query(kept)
		if err != nil || deparse(again.Node) != deparse(node) || len(again.Clauses) != len(s.Clauses) {
			t.Fatalf("%q: kept as %q: %v", text, kept, err)
		}
	}
	if s.Inner != "" {
		again, err := Query(s.Inner)
		if err != nil || len(again.Clauses) != len(s.Clauses) {
			t.Fatalf("%q: inner %q: %v", text, s.Inner, err)
		}
	}
}

func wrap(n *pg.Node) *pg.Node {
	target := &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: n}}}
	return &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: &pg.SelectStmt{TargetList: []*pg.Node{target}}}}
}

// checkPosition fails where a character is outside the text and not its end.
func checkPosition(t *testing.T, text string, p int) {
	t.Helper()
	if p < 0 || p > len([]rune(text))+1 {
		t.Fatalf("%q: position %d of %d characters", text, p, len([]rune(text)))
	}
}

// checkPlaces fails where a node of a tree is outside the text.
func checkPlaces(t *testing.T, text string, m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Kind() == protoreflect.Int32Kind && isPosition(f):
			if p := v.Int(); p < -1 || int(p) > len(text) {
				t.Fatalf("%q: %s at byte %d", text, m.Descriptor().Name(), p)
			}
		case f.Kind() != protoreflect.MessageKind:
		case f.IsList():
			for i := range v.List().Len() {
				checkPlaces(t, text, v.List().Get(i).Message())
			}
		default:
			checkPlaces(t, text, v.Message())
		}
		return true
	})
}
