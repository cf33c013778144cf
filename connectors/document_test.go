package connectors

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/parquet"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/registry"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the options into docs/connectors and docs/formats again")

// The part of a document between these lines is made of the option tables.
const (
	optionsBegin = "<!-- options: made by go test ./connectors -run Documents -rewrite -->\n"
	optionsEnd   = "<!-- end of options -->\n"
)

// TestDocuments holds docs/connectors to what the connectors take: every
// connector has a document, and its tables are true.
func TestDocuments(t *testing.T) {
	for _, c := range All() {
		hold(t, filepath.Join("..", "docs", "connectors", c.Name()+".md"), "Documents", document(c))
	}
}

// hold compares the generated part of a document, or writes it.
func hold(t *testing.T, path, test, tables string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("there is no document: %v", err)
		return
	}
	before, rest, ok := strings.Cut(string(b), optionsBegin)
	old, after, ok2 := strings.Cut(rest, optionsEnd)
	switch {
	case !ok || !ok2:
		t.Errorf("%s has no part between %q and %q", path, optionsBegin, optionsEnd)
	case tables == old:
	case !*rewrite:
		t.Errorf("%s is not what is taken: run go test ./connectors -run %s -rewrite\n%s", path, test, tables)
	default:
		if err := os.WriteFile(path, []byte(before+optionsBegin+tables+optionsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// formats are the option tables of docs/formats, of a source and of a sink.
var formats = map[string][2][]stream.Option{
	"avro":        {avro.SourceOptions, avro.SinkOptions},
	"csv":         {slices.Concat(csv.Keys, []stream.Option{object.CharsetOption}), csv.Keys},
	"debezium":    {json.ChangeSourceOptions, nil},
	"json":        {{object.CharsetOption}, {json.DecimalsOption}},
	"json-schema": {registry.Options, slices.Concat(registry.Options, registry.SinkOptions)},
	"parquet":     {nil, parquet.SinkOptions},
	"protobuf":    {protobuf.SourceOptions, protobuf.SinkOptions},
	"raw":         {},
	"registry":    {registry.Options, slices.Concat(registry.Options, registry.SinkOptions)},
	"text":        {{object.CharsetOption}, nil},
}

// TestEveryFormatIsShown: each format has a page that names its example, which
// compat-tests/formats runs.
func TestEveryFormatIsShown(t *testing.T) {
	for name := range formats {
		example := filepath.Join("examples", name, "example.sql")
		if name == "registry" { // is no format, and in the examples of those that have one
			example = filepath.Join("examples", "json-schema", "example.sql")
		}
		if _, err := os.Stat(filepath.Join("..", example)); err != nil {
			t.Errorf("there is no example: %v", err)
		}
		page, err := os.ReadFile(filepath.Join("..", "docs", "formats", name+".md"))
		if err != nil {
			t.Errorf("there is no page: %v", err)
		} else if !strings.Contains(string(page), example) {
			t.Errorf("docs/formats/%s.md does not name %s", name, example)
		}
	}
}

// TestFormatDocuments holds docs/formats to the formats' option tables.
func TestFormatDocuments(t *testing.T) {
	for name, options := range formats {
		hold(t, filepath.Join("..", "docs", "formats", name+".md"), "Documents", tables(options)+"\n")
	}
}

// document is the generated part for one connector.
func document(c stream.Connector) string {
	var b strings.Builder
	b.WriteString(tables([2][]stream.Option{c.Options(stream.RoleSource), c.Options(stream.RoleSink)}))
	if hidden := c.PseudoColumns(); len(hidden) > 0 {
		b.WriteString("\n## Hidden columns\n\n| column | type | meaning |\n|---|---|---|\n")
		for _, h := range hidden {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", h.Name, types.FormatType(h.Type), h.Comment)
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// tables are the options of a source and of a sink.
func tables(of [2][]stream.Option) string {
	var b strings.Builder
	for role, options := range of {
		if len(options) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## As a %s\n\n| key | default | meaning |\n|---|---|---|\n", stream.Role(role))
		for _, o := range options {
			key := "`" + o.Key + "`"
			for _, a := range o.Aliases {
				key += ", `" + a + "`"
			}
			value := "`" + o.Default + "`"
			switch {
			case o.Required:
				value = "required"
			case o.Default == "":
				value = ""
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", key, value, strings.ReplaceAll(o.Help, "|", `\|`))
		}
	}
	return b.String()
}
