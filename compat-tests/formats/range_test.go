package formats

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/registry"
)

// TestDecimalsOutOfRange: a decimal that a column has no room for is a bad record in every
// format; the error names stream, partition, offset and column, and what to do. What is
// rounded to fit, as PostgreSQL does it, is not.
func TestDecimalsOutOfRange(t *testing.T) {
	registry.Both(t, func(t *testing.T, r *registry.Registry) {
		conn := connect(t)
		withRegistry := ", 'schema.registry.url' = '" + r.URL + "'"
		for format, options := range map[string]string{
			"json": "", "csv": "", "avro": withRegistry, "protobuf": withRegistry, "json-schema": withRegistry, "debezium-json": "", "debezium-avro": withRegistry,
		} {
			name := strings.ReplaceAll(format, "-", "_")
			with := fmt.Sprintf("WITH (type = 'kafka', topic = '%s', format = '%s'%s", name, format, options)
			run(t, conn,
				fmt.Sprintf("CREATE STREAM %s_wide (id bigint PRIMARY KEY, price numeric(12,4)) %s)", name, with),
				fmt.Sprintf("INSERT INTO %s_wide VALUES (1, 999.9849), (2, 12345.678)", name),
				fmt.Sprintf("CREATE STREAM %s_narrow (id bigint PRIMARY KEY, price numeric(5,2)) %s)", name, with),
				fmt.Sprintf("CREATE STREAM %s_skipping (id bigint PRIMARY KEY, price numeric(5,2)) %s, on_error = 'skip')", name, with))
			wantFault(t, conn, "SELECT id, price FROM "+name+"_narrow", "22003", fmt.Sprintf("stream %q, partition ", name+"_narrow"), "on_error")
			wantFault(t, conn, "SELECT id, price FROM "+name+"_narrow", "22003", `price"`, "")
			wantFault(t, conn, "SELECT id, price FROM "+name+"_narrow", "22003", ", offset ", "")
			if got := lined(t, conn, "SELECT id, price FROM "+name+"_skipping"); got != "1|999.98" {
				t.Errorf("%s: %s", format, got)
			}
		}
	})
}
