package stream

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// EngineOptions are the WITH keys that the engine itself reads of every source
// and sink; connectors accept and ignore them.
var EngineOptions = []Option{
	{Key: "type", Help: "the connector"},
	{Key: "failure_strategy", Default: "LogAndContinue", Help: "what a record that fails does to its job: LogAndContinue, FailBatch, RetryWithBackoff or DeadLetter"},
	{Key: "dead_letter", Help: "with DeadLetter, where its records go: a stream, sink or topic, or a path; without it the topic <stream>_dlq"},
	{Key: "retry_backoff", Default: "1s", Help: "the first wait of RetryWithBackoff"},
	{Key: "max_retries", Default: "3", Help: "the tries of RetryWithBackoff"},
	{Key: "batch.size", Aliases: []string{"max_batch_size", "batch.max_size"}, Default: "1024", Help: "the most records of it that a job passes on at once"},
	{Key: "watermark.idle_timeout", Default: "30s", Help: "a split that is caught up and silent for so long does not hold the watermark back"},
	{Key: "watermark.max_silence", Default: "0s", Help: "how far the watermark may move on, by the time that passes, while every split is caught up and silent"},
	{Key: "watermark.max_future", Default: "1h", Help: "a row dated further ahead of the clock does not move the watermark, and is late for every window"},
	{Key: "watermark.max_drift", Default: "1h", Help: "a split of a job's stream that is further ahead of the slowest one waits for it; 0: it does not"},
	{Key: "on_error", Default: "fail", Help: "fail, skip or null: a record that does not decode in an ad-hoc SELECT"},
}

// Values reads a relation's WITH keys against the options a connector declares.
// The first bad value is kept and returned by Err, so that a connector reads
// all its keys in a row and asks once.
type Values struct {
	rel   *catalog.Relation
	known map[string]*Option
	given map[string]string
	read  map[string]bool
	err   error
}

// ReadOptions starts reading rel's options. An option that is neither among
// known nor the engine's is 22023, with the nearest known key as the hint.
func ReadOptions(rel *catalog.Relation, role Role, known []Option) (*Values, error) {
	v := &Values{rel: rel, known: map[string]*Option{}, given: map[string]string{}, read: map[string]bool{}}
	names := map[string]string{}
	for _, list := range [][]Option{known, EngineOptions} {
		for i := range list {
			o := &list[i]
			if v.known[o.Key] != nil {
				continue
			}
			v.known[o.Key] = o
			names[o.Key] = o.Key
			for _, a := range o.Aliases {
				names[a] = o.Key
			}
		}
	}
	for _, o := range rel.Options {
		key, ok := names[o.Key]
		if !ok {
			return nil, unknownOption(rel, role, o.Key, names, known)
		}
		if _, twice := v.given[key]; twice {
			return nil, sqlerr.Errorf(sqlerr.SyntaxError, "parameter %q of %s %q specified more than once", key, role, rel.Name)
		}
		v.given[key] = o.Value
	}
	for i := range known {
		if v.given[known[i].Key] == "" && known[i].Required {
			return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s %q needs the parameter %q", role, rel.Name, known[i].Key).
				WithHint("%s: %s.", known[i].Key, known[i].Help)
		}
	}
	return v, nil
}

// unknownOption is the error of a key that is none of a connector's, whose keys by all
// their names are names. A key of that kind with a name before it is another relation's.
func unknownOption(rel *catalog.Relation, role Role, key string, names map[string]string, known []Option) *sqlerr.Error {
	e := sqlerr.Errorf(sqlerr.InvalidParameterValue, "unrecognized parameter %q of %s %q", key, role, rel.Name)
	owner, rest, _ := strings.Cut(key, ".")
	if names[rest] != "" && !slices.ContainsFunc(known, func(o Option) bool { return strings.HasPrefix(o.Key, owner+".") }) {
		return e.WithHint("The statement has no source or sink %q; this one's is written %q.", owner, rel.Name+"."+rest)
	}
	if near := nearest(key, names); near != "" {
		return e.WithHint("Perhaps you meant %q.", near)
	}
	return e.WithHint("A %s %s takes: %s.", rel.Connector, role, strings.Join(keys(known), ", "))
}

// SinkOptionsOf are the options that a relation takes when it is opened as a
// sink: the sink's own, and, where it is declared as a stream and rows are
// inserted into it, the source's too, which then mean nothing.
func SinkOptionsOf(rel *catalog.Relation, sink, source []Option) []Option {
	if rel.Kind != catalog.Stream {
		return sink
	}
	all := sink[:len(sink):len(sink)]
	for _, o := range source {
		if !slices.ContainsFunc(sink, func(s Option) bool { return s.Key == o.Key }) {
			all = append(all, o)
		}
	}
	return all
}

// String is the role as an error names it.
func (r Role) String() string {
	if r == RoleSink {
		return "sink"
	}
	return "source"
}

func keys(list []Option) []string {
	s := make([]string, len(list))
	for i := range list {
		s[i] = list[i].Key
	}
	return s
}

// Given reports whether the key is written in the WITH list.
func (v *Values) Given(key string) bool {
	v.read[key] = true
	_, ok := v.given[key]
	return ok
}

// String is the key's value, its default where it is not given. Reading a key
// that is not declared is a mistake of the connector and panics.
func (v *Values) String(key string) string {
	o := v.known[key]
	if o == nil {
		panic("stream: option " + key + " is read and not declared")
	}
	v.read[key] = true
	if s, ok := v.given[key]; ok {
		return s
	}
	return o.Default
}

// Unread lists the declared keys, among those of known, that nobody has read.
func (v *Values) Unread(known []Option) []string {
	var s []string
	for i := range known {
		if !v.read[known[i].Key] {
			s = append(s, known[i].Key)
		}
	}
	return s
}

// Err is the first bad value.
func (v *Values) Err() error { return v.err }

// Reject keeps an error about a key's value, unless there is one already.
func (v *Values) Reject(key, want string) {
	if v.err != nil {
		return
	}
	shown := ""
	if !catalog.Secret(key) {
		shown = fmt.Sprintf(": %q", v.String(key))
	}
	v.err = sqlerr.Errorf(sqlerr.InvalidParameterValue, "invalid value for parameter %q of %q%s", key, v.rel.Name, shown).
		WithHint("%s takes %s.", key, want)
}

// Refuse is 0A000 for a key whose feature is not there, where the value given
// is anything but one of the accepted.
func (v *Values) Refuse(key, hint string, accepted ...string) {
	s := Fold(v.String(key))
	for _, a := range accepted {
		if s == Fold(a) {
			return
		}
	}
	switch {
	case !v.Given(key) || v.err != nil:
	case len(accepted) == 0: // whatever the value is, which may be a secret
		v.err = sqlerr.Unsupported(hint, "parameter %q of %q is not supported", key, v.rel.Name)
	default:
		v.err = sqlerr.Unsupported(hint, "parameter %q = '%s' of %q is not supported", key, v.String(key), v.rel.Name)
	}
}

// Bool reads true, false, on, off, yes, no, 1, 0.
func (v *Values) Bool(key string) bool {
	switch strings.ToLower(v.String(key)) {
	case "true", "on", "yes", "1", "t", "y":
		return true
	case "false", "off", "no", "0", "f", "n", "":
		return false
	}
	v.Reject(key, "true or false")
	return false
}

// Int reads a whole number from lo to hi.
func (v *Values) Int(key string, lo, hi int64) int64 {
	n, err := strconv.ParseInt(v.String(key), 10, 64)
	if err != nil || n < lo || n > hi {
		v.Reject(key, fmt.Sprintf("a whole number from %d to %d", lo, hi))
		return lo
	}
	return n
}

// Duration reads 10ms, 5s, 2 minutes, or a bare number of milliseconds.
func (v *Values) Duration(key string) time.Duration {
	d, ok := ParseDuration(v.String(key))
	if !ok {
		v.Reject(key, "a duration such as 10ms, 5s, 2 minutes, or a number of milliseconds")
	}
	return d
}

// Size reads 16MB, 64KB, or a bare number of bytes.
func (v *Values) Size(key string, lo, hi int64) int64 {
	n, ok := ParseSize(v.String(key))
	if !ok || n < lo || n > hi {
		v.Reject(key, fmt.Sprintf("a size such as 16MB or a number of bytes, from %d to %d", lo, hi))
		return lo
	}
	return n
}

// Enum reads one of the values, without regard to case, _ and -, and returns it
// as it stands in the list.
func (v *Values) Enum(key string, values ...string) string {
	given := v.String(key)
	if slices.Contains(values, given) {
		return given // 1 where there is -1, too
	}
	for _, w := range values {
		if Fold(w) == Fold(given) {
			return w
		}
	}
	v.Reject(key, "one of "+strings.Join(values, ", "))
	return values[0]
}

// Fold removes what does not count in an enumerated value: case, _ and -.
func Fold(s string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(s))
}

// ParseDuration reads 10ms, 5s, 2 minutes, or a bare number of milliseconds.
func ParseDuration(s string) (time.Duration, bool) {
	n, unit, ok := number(s)
	if !ok {
		return 0, false
	}
	per, ok := map[string]time.Duration{
		"": time.Millisecond, "us": time.Microsecond, "ms": time.Millisecond, "millisecond": time.Millisecond,
		"s": time.Second, "sec": time.Second, "second": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hour": time.Hour, "d": 24 * time.Hour, "day": 24 * time.Hour,
	}[strings.TrimSuffix(unit, map[bool]string{true: "s"}[len(unit) > 2])]
	d := n * float64(per)
	if !ok || d < 0 || d > float64(1<<62) {
		return 0, false
	}
	return time.Duration(d), true
}

// ParseSize reads 16MB, 64kB, 1GB, or a bare number of bytes. Units are powers
// of 1024, as PostgreSQL's are.
func ParseSize(s string) (int64, bool) {
	n, unit, ok := number(s)
	if !ok {
		return 0, false
	}
	per, ok := map[string]float64{
		"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "mib": 1 << 20,
		"g": 1 << 30, "gb": 1 << 30, "gib": 1 << 30, "t": 1 << 40, "tb": 1 << 40, "tib": 1 << 40,
	}[unit]
	x := n * per
	if !ok || x < 0 || x > 1<<62 {
		return 0, false
	}
	return int64(x), true
}

// number splits "16 MB" into 16 and mb.
func number(s string) (float64, string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	i := 0
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.') {
		i++
	}
	n, err := strconv.ParseFloat(s[:i], 64)
	return n, strings.TrimSpace(s[i:]), err == nil
}

// nearest is the known name closest to key, "" where none is close.
func nearest(key string, names map[string]string) string {
	best, at := "", len(key)/2+1
	for n := range names {
		d := distance(key, n)
		if strings.HasPrefix(n, key+".") || strings.HasSuffix(n, "."+key) {
			d = min(d, 1)
		}
		if d < at || d == at && best != "" && n < best {
			best, at = n, d
		}
	}
	return best
}

// distance is Levenshtein's, over bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := diag
			if a[i-1] != b[j-1] {
				d++
			}
			diag = row[j]
			row[j] = min(d, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
