package parse

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// call is a form that PostgreSQL has not and that stands in body as a call of a
// function with a name of equal length.
type call uint8

const (
	castCall      call = iota + 1 // CAST(x, 'type')
	timestampCall                 // timestamp()
	queryCall                     // JSON_VALUE and the like with clauses
)

// units are the abbreviations that PostgreSQL's interval input knows, by the
// words that may follow INTERVAL 1 and INTERVAL '1'. Each is short enough that
// INTERVAL 1 UNIT has room for the quotes.
var units = map[string]string{
	"microsecond": "us", "microseconds": "us",
	"millisecond": "ms", "milliseconds": "ms",
	"second": "sec", "seconds": "sec",
	"minute": "min", "minutes": "min",
	"hour": "h", "hours": "h",
	"day": "d", "days": "d",
	"week": "w", "weeks": "w",
	"month": "mon", "months": "mon",
	"year": "y", "years": "y",
}

// fields are the units that PostgreSQL takes after INTERVAL '1' itself.
var fields = setOf("second", "minute", "hour", "day", "month", "year")

// rewrite replaces, in body, the expressions of the streaming dialect that have
// an equal in PostgreSQL's.
func (u *unit) rewrite() {
	for i := range u.list {
		if u.list[i].kind != word || u.is(i-1, ".") {
			continue
		}
		switch {
		case u.is(i, "interval"):
			u.rewriteInterval(i)
		case u.are(i, "table", "(") && u.isAny(i+2, windowCalls) && u.is(i+3, "("), u.isAny(i, windowCalls) && u.is(i+1, "("):
			u.rewriteWindowCall(i)
		case u.is(i, "cast") && u.isTypeAsString(i):
			u.rename(i, castCall, "ca$t")
		case u.is(i, "timestamp") && u.are(i+1, "(", ")"):
			u.rename(i, timestampCall, "timestam$")
		case u.is(i+1, "(") && (u.is(i, "json_value") || u.is(i, "json_query") || u.is(i, "json_exists")):
			u.rewriteJSONQuery(i, strings.ToLower(u.at(i)))
		}
	}
}

// rewriteInterval makes INTERVAL 1 MINUTE and INTERVAL '5' MINUTES of token i
// what they mean. PostgreSQL refuses the first and reads the second as 5
// seconds with an alias; it keeps the second where the string has units of its
// own or the unit is one that PostgreSQL itself takes there.
func (u *unit) rewriteInterval(i int) { u.rewriteLength(i + 1) }

// rewriteLength is rewriteInterval of what follows INTERVAL, from token first on.
func (u *unit) rewriteLength(first int) {
	value := u.at(first)
	last := first
	switch {
	case first >= len(u.list):
		return
	case u.list[first].kind == str:
		if !isQuantity(strings.Trim(value, "'")) || value[0] != '\'' || u.isAny(first+1, fields) {
			return
		}
		value = strings.Trim(value, "'")
	case u.list[first].kind == number:
	case u.list[first].kind == op && (value == "-" || value == "+") && first+1 < len(u.list) && u.list[first+1].kind == number:
		last++
		value += u.at(last)
	default:
		return
	}
	abbreviation, ok := units[strings.ToLower(u.at(last+1))]
	if !ok || u.list[last+1].kind != word {
		return
	}
	from, to := u.start(first), u.end(last+1)
	blank(u.body[from:to])
	copy(u.body[from:to], "'"+value+abbreviation+"'")
}

// isQuantity reports whether s is a number and nothing more.
func isQuantity(s string) bool {
	s = strings.TrimSpace(s)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		s = s[1:]
	}
	return s != "" && strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") <= 1 && s != "."
}

// isTypeAsString reports whether CAST at token i has two arguments, the second a
// string.
func (u *unit) isTypeAsString(i int) bool {
	if !u.is(i+1, "(") {
		return false
	}
	end := u.closing(i+1, len(u.list))
	return end < len(u.list) && end-2 > i+2 && u.list[end-1].kind == str && u.is(end-2, ",") && u.comma(i+2, end) == end-2
}

// rename puts a name of equal length in the place of token i.
func (u *unit) rename(i int, c call, name string) {
	if u.calls == nil {
		u.calls = make(map[int]call)
	}
	u.calls[u.start(i)] = c
	copy(u.body[u.start(i):u.end(i)], name)
}

// resolveCall puts what a renamed call stands for in the node that holds it.
func (u *unit) resolveCall(node *pg.Node, f *pg.FuncCall) *sqlerr.Error {
	switch u.calls[int(f.Location)] {
	case queryCall:
		return u.resolveQuery(node, f)
	case timestampCall:
		if len(f.Funcname) == 1 && f.Funcname[0].GetString_().GetSval() == "timestam$" {
			f.Funcname[0] = pg.MakeStrNode("timestamp")
		}
	case castCall:
		if len(f.Funcname) != 1 || f.Funcname[0].GetString_().GetSval() != "ca$t" || len(f.Args) != 2 {
			return nil
		}
		literal := f.Args[1].GetAConst()
		name, err := typeName(literal.GetSval().GetSval(), int(literal.GetLocation()))
		if err != nil {
			return err.At(u.src.Char(int(literal.GetLocation())))
		}
		node.Node = &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: f.Args[0], TypeName: name, Location: f.Location}}
	}
	return nil
}

// typeName parses the text of a type, every position of which is put at byte at.
func typeName(text string, at int) (*pg.TypeName, *sqlerr.Error) {
	u, err := newUnit(text)
	if err != nil {
		return nil, err.At(0)
	}
	bad := sqlerr.Errorf(sqlerr.SyntaxError, "invalid type name \"%s\"", text)
	for i := range u.list {
		if u.is(i, ";") || u.is(i, ")") && u.list[i].pair < 0 {
			return nil, bad
		}
	}
	tree, err := u.fragment("SELECT CAST(NULL AS ", 0, len(text), "\n)")
	if err != nil {
		return nil, bad
	}
	name := tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val.GetTypeCast().GetTypeName()
	if name == nil {
		return nil, bad
	}
	place(name.ProtoReflect(), at)
	name.Location = int32(at) // 0 counts as none, and was passed by
	return name, nil
}
