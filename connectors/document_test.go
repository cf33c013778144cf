package connectors

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

var rewrite = flag.Bool("rewrite", false, "write the options into docs/connectors again")

// The part of a document between these lines is made of the option tables.
const (
	optionsBegin = "<!-- options: made by go test ./connectors -run Documents -rewrite -->\n"
	optionsEnd   = "<!-- end of options -->\n"
)

// TestDocuments holds docs/connectors to what the connectors take: every
// connector has a document, and its tables are true.
func TestDocuments(t *testing.T) {
	for _, c := range All() {
		path := filepath.Join("..", "docs", "connectors", c.Name()+".md")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("connector %s has no document: %v", c.Name(), err)
			continue
		}
		before, rest, ok := strings.Cut(string(b), optionsBegin)
		old, after, ok2 := strings.Cut(rest, optionsEnd)
		if !ok || !ok2 {
			t.Errorf("%s has no part between %q and %q", path, optionsBegin, optionsEnd)
			continue
		}
		tables := document(c)
		if tables == old {
			continue
		}
		if !*rewrite {
			t.Errorf("%s is not what the connector takes: run go test ./connectors -run Documents -rewrite\n%s", path, tables)
			continue
		}
		if err := os.WriteFile(path, []byte(before+optionsBegin+tables+optionsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// document is the generated part for one connector.
func document(c stream.Connector) string {
	var b strings.Builder
	for _, role := range []stream.Role{stream.RoleSource, stream.RoleSink} {
		options := c.Options(role)
		if len(options) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## As a %s\n\n| key | default | meaning |\n|---|---|---|\n", role)
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
	if hidden := c.PseudoColumns(); len(hidden) > 0 {
		b.WriteString("\n## Hidden columns\n\n| column | type | meaning |\n|---|---|---|\n")
		for _, h := range hidden {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", h.Name, types.FormatType(h.Type), h.Comment)
		}
	}
	b.WriteByte('\n')
	return b.String()
}
