package json

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// ChangeSourceOptions are the keys of relations that are read in format debezium-json.
var ChangeSourceOptions = []stream.Option{
	{Key: "debezium.time.unit", Default: "millis", Help: "debezium-json: what numbers into time and timestamp columns count, where a record has no schema: millis, micros or nanos"},
	{Key: "debezium.decimals", Default: "text", Help: "debezium-json: strings into numeric columns, where a record has no schema: text, or base64: Kafka Connect's bytes, of the column's scale"},
}

// ReadChanges reads the keys of ChangeSourceOptions.
func ReadChanges(v *stream.Values) ChangeOptions {
	return ChangeOptions{
		Unit:           map[string]int64{"millis": 1_000_000, "micros": 1000, "nanos": 1}[v.Enum("debezium.time.unit", "millis", "micros", "nanos")],
		Base64Decimals: v.Enum("debezium.decimals", "text", "base64") == "base64",
	}
}

// TellsChanges reports whether a relation's format is one whose records are changes, in
// whatever encoding.
func TellsChanges(rel *catalog.Relation) bool {
	f, _ := rel.Options.Get("format", "value.format", "source.format")
	return strings.HasPrefix(stream.Fold(f), "debezium")
}

// ChangeColumns are the hidden columns of such a relation: what was done to the row,
// where and when.
func ChangeColumns() []catalog.Column {
	return []catalog.Column{
		{Name: OpColumn, Type: types.Of(types.Text), Comment: "what was done to the row: c, u, d, or r where it was there already"},
		{Name: SourceTSColumn, Type: types.Of(types.Timestamptz), Comment: "when the database did it"},
		{Name: SourceColumn, Type: types.Of(types.JSONB), Comment: "what the connector says of where the change comes from"},
	}
}

// OfChange reports whether a hidden column is one of ChangeColumns.
func OfChange(name string) bool {
	return name == OpColumn || name == SourceTSColumn || name == SourceColumn
}
