package stream

import (
	"fmt"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// RecordError is a record's decoding error with the place of the record before
// it: stream "orders", partition 3, offset 17, field "amount": invalid input
// syntax for type numeric: "abc". It keeps the error's SQLSTATE; place is such
// as `partition 3, offset 17`. The field is the error's Column, where it has one.
func RecordError(rel *catalog.Relation, place string, err error) *sqlerr.Error {
	return placed(rel, place, err, ReadOn)
}

// ReadOn is the advice of a RecordError.
const ReadOn = "Set on_error = 'skip' or 'null' to read on past records that do not decode."

// InferenceError is RecordError while the columns of a stream are looked for: there is
// no on_error yet that could pass over what does not decode.
func InferenceError(rel *catalog.Relation, place string, err error) *sqlerr.Error {
	return placed(rel, place, err, fmt.Sprintf("Check that format is the data's, or write the columns: CREATE STREAM %s (id bigint, ...) WITH (...).", catalog.QuoteName(rel.Name)))
}

// LookupError is RecordError of a record that was asked for by key.
func LookupError(rel *catalog.Relation, place string, err error) *sqlerr.Error {
	return placed(rel, place, err, "It is a fault of the rows that ask for its key: of a job, failure_strategy says what becomes of them.")
}

// placed is an error with its place before it, and advice behind its own.
func placed(rel *catalog.Relation, place string, err error, advice string) *sqlerr.Error {
	e := *sqlerr.From(err)
	if e.Code == sqlerr.InternalError {
		e.Code = sqlerr.InvalidTextRepresentation
	}
	where := fmt.Sprintf("stream %q, %s", rel.Name, place)
	if e.Column != "" {
		where += fmt.Sprintf(", field %q", e.Column)
	}
	if e.Hint != "" {
		advice = e.Hint + " " + advice
	}
	return &sqlerr.Error{
		Code: e.Code, Message: where + ": " + e.Message, Detail: e.Detail,
		Hint:   advice,
		Schema: rel.Schema, Table: rel.Name, Column: e.Column, DataType: e.DataType,
	}
}

// NullValue is the error of a row without a value that its relation needs.
func NullValue(rel *catalog.Relation, column string) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", column, rel.Name)
	e.Schema, e.Table, e.Column = rel.Schema, rel.Name, column
	return e
}
