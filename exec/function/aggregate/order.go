package aggregate

import "github.com/ferrisstreams/ferrisstreams/catalog"

// ordered are the aggregates whose value tells the order in which their rows came.
var ordered = map[string]bool{
	"array_agg": true, "string_agg": true, "any_value": true,
	"json_agg": true, "json_agg_strict": true, "jsonb_agg": true, "jsonb_agg_strict": true,
	"json_object_agg": true, "json_object_agg_strict": true, "json_object_agg_unique": true, "json_object_agg_unique_strict": true,
	"jsonb_object_agg": true, "jsonb_object_agg_strict": true, "jsonb_object_agg_unique": true, "jsonb_object_agg_unique_strict": true,
}

// Ordered reports whether the order of its rows shows in an aggregate's value.
func Ordered(f *catalog.Function) bool { return ordered[f.Name] }
