package bind

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Names of the reg* types whose objects are built in: functions and operators
// with their arguments, operators, collationOIDs; and roles.

func operatorOID(s *catalog.Snapshot, name string) (types.OID, error) {
	parts, err := splitName(name)
	if err != nil {
		return 0, err
	}
	var all []*catalog.Operator
	if len(parts) == 1 || len(parts) == 2 && parts[0] == "pg_catalog" {
		all = s.Operators(parts[len(parts)-1])
	}
	switch len(all) {
	case 0:
		return 0, sqlerr.Errorf(sqlerr.UndefinedFunction, "operator does not exist: %s", name)
	case 1:
		return all[0].OID, nil
	}
	return 0, sqlerr.Errorf(sqlerr.AmbiguousFunction, "more than one operator named %s", name)
}

// signatureOID finds a function or an operator by its name and its arguments.
func (n Names) signatureOID(reg types.OID, name string) (types.OID, error) {
	head, list, ok := strings.Cut(name, "(")
	if !ok {
		return 0, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "expected a left parenthesis")
	}
	list, ok = strings.CutSuffix(strings.TrimSpace(list), ")")
	if !ok {
		return 0, sqlerr.Errorf(sqlerr.InvalidTextRepresentation, "expected a right parenthesis")
	}
	var args []types.OID
	for _, word := range splitArguments(list) {
		if reg == types.Regoperator && strings.EqualFold(word, "none") {
			args = append(args, types.Invalid)
			continue
		}
		oid, err := typeOID(n.Catalog, n.Path, word)
		if err != nil {
			return 0, err
		}
		args = append(args, oid)
	}
	if reg == types.Regoperator {
		if len(args) != 2 {
			return 0, sqlerr.Errorf(sqlerr.UndefinedParameter, "missing argument").WithHint("Use NONE to denote the missing argument of a unary operator.")
		}
		for _, o := range n.Catalog.Operators(strings.TrimPrefix(strings.TrimSpace(head), "pg_catalog.")) {
			if o.Left == args[0] && o.Right == args[1] {
				return o.OID, nil
			}
		}
		return 0, sqlerr.Errorf(sqlerr.UndefinedFunction, "operator does not exist: %s", name)
	}
	parts, err := splitName(head)
	if err != nil {
		return 0, err
	}
	if parts, err = n.local(parts, reg); err != nil {
		return 0, err
	}
	for _, f := range functionsNamed(n.Catalog, parts) {
		if sameArguments(f.Args, args) {
			return f.OID, nil
		}
	}
	return 0, sqlerr.Errorf(sqlerr.UndefinedFunction, "function \"%s\" does not exist", name)
}

func sameArguments(a, b []types.OID) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// splitArguments splits a list of types at the commas outside parentheses.
func splitArguments(list string) []string {
	if strings.TrimSpace(list) == "" {
		return nil
	}
	var words []string
	depth, from := 0, 0
	for i := range len(list) {
		switch list[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				words = append(words, strings.TrimSpace(list[from:i]))
				from = i + 1
			}
		}
	}
	return append(words, strings.TrimSpace(list[from:]))
}

// BuiltinName is how the reg* type prints the object of an OID: a function or an
// operator, with its arguments where the type has them, a collation, a role.
func BuiltinName(s *catalog.Snapshot, reg, id types.OID) (string, bool) {
	switch reg {
	case types.Regprocedure:
		if f := s.FunctionByOID(id); f != nil {
			args := make([]string, len(f.Args))
			for i, a := range f.Args {
				args[i] = types.FormatType(types.Of(a))
			}
			return f.Name + "(" + strings.Join(args, ",") + ")", true
		}
	case types.Regoper, types.Regoperator:
		for _, o := range s.Builtins().Operators {
			if o.OID != id {
				continue
			}
			if reg == types.Regoperator {
				return o.Name + "(" + sideName(o.Left) + "," + sideName(o.Right) + ")", true
			}
			if len(s.Operators(o.Name)) > 1 {
				return "pg_catalog." + o.Name, true
			}
			return o.Name, true
		}
	case types.Regcollation:
		for name, oid := range collationOIDs {
			if oid == id {
				return quoteDisplay(name), true
			}
		}
	case types.Regrole:
		return s.RoleName(id)
	}
	return "", false
}

// sideName is the type of an operator's side, NONE where it has none.
func sideName(oid types.OID) string {
	if oid == types.Invalid {
		return "NONE"
	}
	return types.FormatType(types.Of(oid))
}
