package pgcatalog

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// ferrisRelations are the relations that PostgreSQL has not. job_results is in
// pg_catalog, which every search path has. Their OIDs are ours for good: below
// those of users' objects, above PostgreSQL's own.
var ferrisRelations = []*catalog.Relation{
	{
		OID: 15010, Schema: "ferris", Name: "streams",
		Columns: columns(
			"oid", types.Oid, "schema_name", types.Name, "stream_name", types.Name, "owner", types.Name, "kind", types.Text,
			"connector", types.Text, "options", types.JSONB, "watermark_column", types.Name, "watermark", types.Text,
			"definition", types.Text, "comment", types.Text),
	},
	{
		OID: 15011, Schema: "ferris", Name: "sinks",
		Columns: columns(
			"oid", types.Oid, "schema_name", types.Name, "sink_name", types.Name, "owner", types.Name, "connector", types.Text,
			"options", types.JSONB, "job_name", types.Text, "comment", types.Text),
	},
	{
		OID: 15012, Schema: "ferris", Name: "jobs",
		Columns: columns(
			"oid", types.Oid, "job_id", types.UUID, "job_name", types.Text, "owner", types.Name, "state", types.Text,
			"error", types.Text, "sinks", textArray, "options", types.JSONB, "epoch", types.Int8, "rows_in", types.Int8,
			"rows_out", types.Int8, "rejected", types.Int8, "restarts", types.Int8, "created", types.Timestamptz,
			"started", types.Timestamptz, "definition", types.Text),
	},
	{
		OID: 15013, Schema: "ferris", Name: "splits",
		Columns: columns(
			"job_name", types.Text, "stream_name", types.Text, "split", types.Text, "position", types.Text,
			"end_position", types.Text, "lag", types.Int8),
	},
	{
		OID: 15014, Schema: "ferris", Name: "functions",
		Columns: columns(
			"oid", types.Oid, "schema_name", types.Name, "function_name", types.Name, "arguments", types.Text,
			"result", types.Text, "kind", types.Text, "volatility", types.Text, "help", types.Text),
	},
	{
		OID: 15015, Schema: "ferris", Name: "connectors",
		Columns: columns("connector", types.Text, "is_source", types.Bool, "is_sink", types.Bool),
	},
	{
		OID: 15016, Schema: "ferris", Name: "connector_options",
		Columns: columns(
			"connector", types.Text, "role", types.Text, "option", types.Text, "aliases", textArray, "default_value", types.Text,
			"required", types.Bool, "help", types.Text),
	},
	{
		OID: 15017, Schema: "pg_catalog", Name: "job_results",
		Columns: columns("job_id", types.Text, "status", types.Text, "result", types.Text),
	},
}

const textArray types.OID = 1009
