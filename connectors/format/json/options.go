package json

import "github.com/ferrisstreams/ferrisstreams/exec/stream"

// DecimalsOption is the key of sinks that write JSON.
var DecimalsOption = stream.Option{Key: "json.decimals", Default: "number", Help: "number: exact JSON numbers; string: quoted"}

// QuotesDecimals reads the key of DecimalsOption, for EncodeOptions.QuoteDecimals.
func QuotesDecimals(v *stream.Values) bool {
	return v.Enum(DecimalsOption.Key, "number", "string") == "string"
}
