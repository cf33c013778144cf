package aggregate

import (
	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// ordered are the aggregates whose value tells the order in which their rows came.
var ordered = map[string]bool{
	"array_agg": true, "string_agg": true, "any_value": true,
	"json_agg": true, "json_agg_strict": true, "jsonb_agg": true, "jsonb_agg_strict": true,
	"json_object_agg": true, "json_object_agg_strict": true, "json_object_agg_unique": true, "json_object_agg_unique_strict": true,
	"jsonb_object_agg": true, "jsonb_object_agg_strict": true, "jsonb_object_agg_unique": true, "jsonb_object_agg_unique_strict": true,
}

// Ordered reports whether the order of its rows shows in an aggregate's value. Of
// sums of money and of pairs of floats it does where one in between is out of range
// or not a number.
func Ordered(f *catalog.Function) bool {
	switch {
	case f.Name == "sum":
		return f.Args[0] == types.Money
	case len(f.Args) == 2 && f.Args[1] == types.Float8:
		return true
	}
	return ordered[f.Name]
}
