package csv

import "github.com/ferrisstreams/ferrisstreams/exec/stream"

// Keys are those of relations of format csv.
var Keys = []stream.Option{
	{Key: "delimiter", Default: ",", Help: "csv: what parts the fields, one byte, or tab"},
	{Key: "quote", Default: `"`, Help: "csv: what encloses a field, one byte"},
	{Key: "null", Aliases: []string{"null.string"}, Default: "", Help: "csv: an unquoted field of this text is NULL"},
}

// ReadKeys reads the keys of Keys.
func ReadKeys(v *stream.Values) Options {
	o := Options{Delimiter: oneByte(v, "delimiter"), Quote: oneByte(v, "quote"), Null: v.String("null")}
	if o.Delimiter == o.Quote {
		v.Reject("quote", "a byte that is not the delimiter")
	}
	return o
}

func oneByte(v *stream.Values, key string) byte {
	s := v.String(key)
	if s == `\t` || stream.Fold(s) == "tab" {
		s = "\t"
	}
	if len(s) != 1 || s[0] >= 0x80 || s == "\n" || s == "\r" {
		v.Reject(key, "one ASCII character, or tab")
		return ','
	}
	return s[0]
}
