package systems

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/conformance"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// TestConformance puts the database connector through what every connector keeps to.
func TestConformance(t *testing.T) {
	all := connectors.All()
	at := slices.IndexFunc(all, func(c stream.Connector) bool { return c.Name() == "database" })
	conformance.Run(t, all[at], func(t *testing.T, c stream.Connector) *conformance.Fixture {
		server := postgres.Start(t)
		schemas++
		schema := fmt.Sprintf("conformance_%d", schemas)
		setup := fmt.Sprintf("CREATE SCHEMA %[1]s; CREATE TABLE %[1]s.source AS SELECT id FROM generate_series(0::bigint, %[2]d) id; CREATE TABLE %[1]s.live (id bigint); CREATE TABLE %[1]s.out (id bigint)", schema, conformance.Rows-1)
		if err := server.Exec(t.Context(), setup); err != nil {
			t.Fatal(err)
		}
		return &conformance.Fixture{
			Source: conformance.Declare(c, "s", catalog.Stream, "connection", server.DSN(), "table", schema+".source"), Rows: conformance.Rows,
			Live:     conformance.Declare(c, "l", catalog.Stream, "connection", server.DSN(), "table", schema+".live", "incremental.column", "id"),
			Sink:     conformance.Declare(c, "k", catalog.Sink, "connection", server.DSN(), "table", schema+".out"),
			Required: catalog.Options{{Key: "connection", Value: server.DSN()}},
			Holds: func(t *testing.T) []int64 {
				conn, err := pgx.Connect(t.Context(), server.DSN())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close(t.Context())
				rows, err := conn.Query(t.Context(), "SELECT id FROM "+schema+".out")
				if err != nil {
					t.Fatal(err)
				}
				got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
				if err != nil {
					t.Fatal(err)
				}
				return got
			},
		}
	})
}
