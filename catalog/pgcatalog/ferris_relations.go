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
		Columns: []catalog.Column{
			column("oid", types.Oid),
			column("schema_name", types.Name),
			column("stream_name", types.Name),
			column("owner", types.Name),
			column("kind", types.Text),
			column("connector", types.Text),
			column("options", types.JSONB),
			column("watermark_column", types.Name),
			column("watermark", types.Text),
			column("definition", types.Text),
			column("comment", types.Text),
		},
	},
	{
		OID: 15011, Schema: "ferris", Name: "sinks",
		Columns: []catalog.Column{
			column("oid", types.Oid),
			column("schema_name", types.Name),
			column("sink_name", types.Name),
			column("owner", types.Name),
			column("connector", types.Text),
			column("options", types.JSONB),
			column("job_name", types.Text),
			column("comment", types.Text),
			column("definition", types.Text),
		},
	},
	{
		OID: 15012, Schema: "ferris", Name: "jobs",
		Columns: []catalog.Column{
			column("oid", types.Oid),
			column("job_id", types.UUID),
			column("job_name", types.Text),
			column("owner", types.Name),
			column("state", types.Text),
			column("error", types.Text),
			column("sinks", textArray),
			column("options", types.JSONB),
			column("epoch", types.Int8),
			column("rows_in", types.Int8),
			column("rows_out", types.Int8),
			column("rejected", types.Int8),
			column("restarts", types.Int8),
			column("created", types.Timestamptz),
			column("started", types.Timestamptz),
			column("definition", types.Text),
			column("late", types.Int8),
			column("state_bytes", types.Int8),
			column("state_evicted", types.Int8),
			column("checkpoint_ms", types.Int8),
			column("stall_ms", types.Int8),
			column("rows_ahead", types.Int8),
			column("sqlstate", types.Text),
			column("detail", types.Text),
			column("hint", types.Text),
		},
	},
	{
		OID: 15019, Schema: "ferris", Name: "materialized_views",
		Columns: []catalog.Column{
			column("oid", types.Oid),
			column("schema_name", types.Name),
			column("view_name", types.Name),
			column("owner", types.Name),
			column("job_name", types.Text),
			column("state", types.Text),
			column("is_current", types.Bool),
			column("problem", types.Text),
			column("epoch", types.Int8),
			column("definition", types.Text),
		},
	},
	{
		OID: 15013, Schema: "ferris", Name: "splits",
		Columns: []catalog.Column{
			column("job_name", types.Text),
			column("stream_name", types.Text),
			column("split", types.Text),
			column("position", types.Text),
			column("end_position", types.Text),
			column("lag", types.Int8),
		},
	},
	{
		OID: 15018, Schema: "ferris", Name: "watermarks",
		Columns: []catalog.Column{
			column("job_name", types.Text),
			column("stream_name", types.Text),
			column("split", types.Text),
			column("watermark", types.Timestamptz),
			column("idle", types.Bool),
			column("late", types.Int8),
		},
	},
	{
		OID: 15014, Schema: "ferris", Name: "functions",
		Columns: []catalog.Column{
			column("oid", types.Oid),
			column("schema_name", types.Name),
			column("function_name", types.Name),
			column("arguments", types.Text),
			column("result", types.Text),
			column("kind", types.Text),
			column("volatility", types.Text),
			column("help", types.Text),
		},
	},
	{
		OID: 15015, Schema: "ferris", Name: "connectors",
		Columns: []catalog.Column{
			column("connector", types.Text),
			column("is_source", types.Bool),
			column("is_sink", types.Bool),
		},
	},
	{
		OID: 15016, Schema: "ferris", Name: "connector_options",
		Columns: []catalog.Column{
			column("connector", types.Text),
			column("role", types.Text),
			column("option", types.Text),
			column("aliases", textArray),
			column("default_value", types.Text),
			column("required", types.Bool),
			column("help", types.Text),
		},
	},
	{
		OID: 15017, Schema: "pg_catalog", Name: "job_results",
		Columns: []catalog.Column{
			column("job_id", types.Text),
			column("status", types.Text),
			column("result", types.Text),
		},
	},
}

const textArray types.OID = 1009

func column(name string, oid types.OID) catalog.Column {
	return catalog.Column{Name: name, Type: types.Of(oid)}
}
