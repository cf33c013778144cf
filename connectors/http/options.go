package http

import (
	"github.com/ferrisstreams/ferrisstreams/connectors/format/json"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// requestOptions are those of every request.
var requestOptions = []stream.Option{
	{Key: "url", Aliases: []string{"endpoint"}, Help: "where requests go; http.allow must name its host"},
	{Key: "headers", Default: "{}", Help: "more headers, a JSON object of texts; for secrets there are the keys below"},
	{Key: "auth_token", Help: "sent as Authorization: Bearer"},
	{Key: "auth_header", Help: "the Authorization header as it is"},
	{Key: "username", Help: "with password: basic authentication"},
	{Key: "password", Help: "the password"},
	{Key: "api_key", Help: "a key that is sent in the header api_key_header"},
	{Key: "api_key_header", Default: "X-API-Key", Help: "its header"},
	{Key: "timeout", Default: "30s", Help: "how long an answer may take"},
	{Key: "request_retries", Default: "5", Help: "how often a request is made again that got no answer, 408, 425, 429 or 5xx, before the job waits"},
	{Key: "request_backoff", Default: "200ms", Help: "the first wait; each is twice the one before, unless Retry-After says how long"},
	{Key: "retry_after_max", Default: "5m", Help: "the longest Retry-After that is waited for"},
	{Key: "tls.ca_file", Help: "a file of certificate authorities, under file.roots; without it the system's"},
}

// secretOptions are the keys whose values may lie elsewhere: in KEY_env, a variable of
// the server's environment, or KEY_file, a file of the server's.
var secretOptions = []string{"url", "auth_token", "auth_header", "password", "api_key"}

func elsewhere() []stream.Option {
	var all []stream.Option
	for _, key := range secretOptions {
		all = append(all,
			stream.Option{Key: key + "_env", Help: "the variable of the server's environment that has " + key + ", one of sql.allowed_env"},
			stream.Option{Key: key + "_file", Help: "the file that has " + key + ", under file.roots"})
	}
	return all
}

var sinkOptions = append(append(requestOptions[:len(requestOptions):len(requestOptions)], elsewhere()...),
	stream.Option{Key: "method", Default: "POST", Help: "POST, PUT or PATCH"},
	stream.Option{Key: "batch_size", Default: "100", Help: "the most rows of one request"},
	stream.Option{Key: "body", Default: "auto", Help: "array: a JSON array of objects; lines: an object a line; object: one, with batch_size = 1; auto: object where batch_size is 1, else array"},
	json.DecimalsOption,
	stream.Option{Key: "idempotency_header", Default: "Idempotency-Key", Help: "the header that has a request's key, the same whenever it is made again"},
	stream.Option{Key: "on_refusal", Default: "fail", Help: "fail: a request that the service refuses (4xx) fails the job; skip: its rows are left out, and counted as rejected"},
)

var sourceOptions = append(append(append(requestOptions[:len(requestOptions):len(requestOptions)], elsewhere()...),
	stream.Option{Key: "mode", Default: "poll", Help: "poll: the URL is asked again and again; sse: its events are read as they come (text/event-stream)"},
	stream.Option{Key: "method", Default: "GET", Help: "GET, or POST with request_body"},
	stream.Option{Key: "request_body", Help: "what a POST sends"},
	stream.Option{Key: "format", Default: "json", Help: "json: an answer is an array of objects, or one object; lines: an object a line; csv. An event's data is one object, or one line of csv"},
	stream.Option{Key: "records", Help: "where in a JSON answer the array of records is: data.items, result[0].rows"},
	stream.Option{Key: "csv.header", Default: "auto", Help: "whether the first line names the columns: true, false, auto (it does where it has the columns' names)"},
	stream.Option{Key: "csv.delimiter", Default: ",", Help: "what parts fields"},
	stream.Option{Key: "csv.null", Default: "", Help: "the unquoted text that is NULL"},
	stream.Option{Key: "poll_interval", Default: "10s", Help: "the wait before it is asked again"},
	stream.Option{Key: "key", Help: "columns, parted by commas, that no two records share: one that came before is passed over"},
	stream.Option{Key: "key.window", Default: "10000", Help: "with key: how many of the last records are known again"},
	stream.Option{Key: "cursor.param", Help: "the query parameter that says behind which record the answer begins"},
	stream.Option{Key: "cursor.path", Help: "where in a JSON answer the next cursor is: meta.next_cursor"},
	stream.Option{Key: "cursor.column", Help: "the column whose value in the last record is the next cursor"},
	stream.Option{Key: "cursor.start", Help: "the first cursor; without it the first request has none"},
	stream.Option{Key: "next", Help: "the rest of an answer of several pages. link: at the Link header's rel=\"next\"; else where in a JSON answer its URL is, or what next.param takes"},
	stream.Option{Key: "next.param", Help: "the query parameter that takes what next finds; without it that is a URL"},
	stream.Option{Key: "max_body", Default: "32MB", Help: "the longest answer, or event; a longer one is refused"},
	stream.Option{Key: "idle_timeout", Default: "5m", Help: "with mode = 'sse': after how long a silence the connection is made anew; 0: never"},
	stream.Option{Key: "event", Help: "with mode = 'sse': the types of event that are read, parted by commas; without it all are"},
	stream.Option{Key: "lookup.keys", Default: "one", Help: "how a join asks: one: a request for each key, written where the URL has {column}; list: the keys of a request, parted by commas, written there; body: a POST of a JSON array of objects of the keys"},
	stream.Option{Key: "lookup.connections", Default: "8", Help: "with lookup.keys = 'one': the most requests that are under way at a time, of one batch of keys"},
), stream.LookupOptions...)

// Options are those of a source, which a join may ask too, and of a sink.
func (Connector) Options(role stream.Role) []stream.Option {
	if role == stream.RoleSource {
		return sourceOptions
	}
	return sinkOptions
}
