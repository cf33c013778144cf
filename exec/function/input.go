package function

import (
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Whether a text is a value of a type, and why it is not.

func init() {
	type vs = []types.Value
	define("pg_input_is_valid(text, text) bool strict stable", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			wrong, err := inputError(env, a)
			if err != nil {
				return types.Value{}, err
			}
			return boolean(wrong == nil)
		},
		Examples: examples("pg_input_is_valid('12', 'int4')", "t", "pg_input_is_valid('12x', 'integer')", "f", "pg_input_is_valid('123.45', 'numeric(3,1)')", "f", "pg_input_is_valid('abcd', 'varchar(3)')", "f",
			"pg_input_is_valid('ab', 'char')", "f", "pg_input_is_valid('ab', 'pg_catalog.bpchar')", "t", "pg_input_is_valid('{1,x}', 'int[]')", "f", "pg_input_is_valid('2024-02-30', 'date')", "f",
			"pg_input_is_valid('10:00:00.1234', 'time(2) without time zone')", "t", "pg_input_is_valid('1', 'nosuch')", "ERROR 42704", "pg_input_is_valid('1', 'int4(3)')", "ERROR 42601")})
	define("pg_input_error_info(text, text) setof record(message text, detail text, hint text, sql_error_code text) strict stable", Definition{
		Set: func(env *Env, a vs) (Set, error) {
			wrong, err := inputError(env, a)
			if err != nil {
				return nil, err
			}
			return tupleSet(1, func(int) vs {
				if wrong == nil {
					none := textOrNull("")
					return vs{none, none, none, none}
				}
				return vs{types.NewText(wrong.Message), textOrNull(wrong.Detail), textOrNull(wrong.Hint), types.NewText(string(wrong.Code))}
			}), nil
		},
		Examples: examples("r FROM pg_input_error_info('12x', 'int4') r", `("invalid input syntax for type integer: ""12x""",,,22P02)`, "r FROM pg_input_error_info('1', 'int4') r", "(,,,)",
			"r FROM pg_input_error_info('123.45', 'numeric(3,1)') r", `("numeric field overflow","A field with precision 3, scale 1 must round to an absolute value less than 10^2.",,22003)`,
			"r FROM pg_input_error_info('2024-13-01', 'date') r", `("date/time field value out of range: ""2024-13-01""",,"Perhaps you need a different ""datestyle"" setting.",22008)`)})
}

// inputError is what is wrong with a[0] as a value of the type named a[1], nil
// where nothing is; err says that there is no such type.
func inputError(env *Env, a []types.Value) (wrong *sqlerr.Error, err error) {
	t, err := typeOfText(env, a[1].S)
	if err != nil {
		return nil, err
	}
	if _, err := types.Parse(t, a[0].S, env.Format); err != nil {
		return sqlerr.From(err), nil
	}
	return nil, nil
}

func textOrNull(s string) types.Value {
	return types.Value{Type: types.Of(types.Text), S: s, Null: s == ""}
}

// typeOfText reads a type as SQL writes it: numeric(10,2), time(3) with time
// zone, varchar(3)[].
func typeOfText(env *Env, s string) (types.Type, error) {
	name, mods := strings.ToLower(strings.TrimSpace(s)), []int32(nil)
	if head, rest, ok := strings.Cut(name, "("); ok {
		list, tail, ok := strings.Cut(rest, ")")
		if !ok {
			return types.Type{}, sqlerr.Errorf(sqlerr.SyntaxError, "syntax error at end of input")
		}
		for _, word := range strings.Split(list, ",") {
			n, err := strconv.ParseInt(strings.TrimSpace(word), 10, 32)
			if err != nil {
				return types.Type{}, sqlerr.Errorf(sqlerr.SyntaxError, "type modifiers must be simple constants or identifiers")
			}
			mods = append(mods, int32(n))
		}
		name = strings.TrimSpace(head) + " " + strings.TrimSpace(tail)
	}
	name = strings.Join(strings.Fields(strings.TrimPrefix(name, "pg_catalog.")), " ")
	name = strings.ReplaceAll(name, " []", "[]")
	info, ok := types.ByName(name)
	if !ok && mods == nil && env.Format.RegIn != nil {
		if oid, err := env.Format.RegIn(types.Regtype, s); err == nil {
			return types.Of(oid), nil
		}
	}
	switch {
	case !ok:
		return types.Type{}, sqlerr.Errorf(sqlerr.UndefinedObject, "type \"%s\" does not exist", s)
	case mods == nil && (strings.HasPrefix(name, "char") && info.OID == types.BPChar || name == "bit"):
		mods = []int32{1} // as SQL's grammar reads them
	case mods == nil:
		return types.Of(info.OID), nil
	case info.ModIn == nil:
		return types.Type{}, sqlerr.Errorf(sqlerr.SyntaxError, "type modifier is not allowed for type \"%s\"", name)
	}
	mod, err := info.ModIn(mods)
	return types.Type{OID: info.OID, Mod: mod}, err
}
