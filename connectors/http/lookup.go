package http

import (
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// Looks: a service is asked by the columns that its URL has in braces, or, by a POST, by
// any.
func (Connector) Looks(rel *catalog.Relation, keys []int) bool {
	url, _ := rel.Options.Get("url", "endpoint")
	how, _ := rel.Options.Get("lookup.keys")
	var asked []string
	for rest := url; ; {
		_, after, found := strings.Cut(rest, "{")
		name, behind, closed := strings.Cut(after, "}")
		if !found || !closed {
			break
		}
		asked, rest = append(asked, name), behind
	}
	if stream.Fold(how) == asksBody {
		return len(asked) == 0
	}
	if keys == nil {
		return len(asked) > 0
	}
	var names []string
	for _, k := range keys {
		if k >= len(rel.Columns) {
			return false
		}
		names = append(names, rel.Columns[k].Name)
	}
	slices.Sort(names)
	slices.Sort(asked)
	return len(asked) > 0 && slices.Equal(names, slices.Compact(asked))
}

// Lookup opens the relation. It connects with the first Find.
func (Connector) Lookup(_ context.Context, env *stream.Env, rel *catalog.Relation, scan stream.LookupScan) (stream.Lookup, error) {
	c, err := readSource(env, rel)
	if err != nil {
		return nil, err
	}
	if c.next != "" || c.cursored() || c.events {
		return nil, sqlerr.Unsupported("Leave out next, cursor.param and mode.", "look-ups in %q by answers of several pages are not supported", rel.Name)
	}
	l := &lookup{source: &source{env: env, rel: rel, config: c}, scan: scan, client: newClient(c.requests, follows, func(error) {}), format: types.DefaultFormat(),
		tokens: make(chan struct{}, c.connections)}
	l.format.Enum = env.Labels
	return l, nil
}

// lookup asks a service for the rows of keys.
type lookup struct {
	source *source
	scan   stream.LookupScan
	client *client
	format *types.Format
	tokens chan struct{} // one for each request that is under way
}

// Find is stream.Lookup's.
func (l *lookup) Find(ctx context.Context, keys []vec.Vec, n int, found func(rows *vec.Batch, of []int32) error) ([]stream.LookupFault, error) {
	if l.source.config.asks == asksOne {
		return l.each(ctx, keys, n, found)
	}
	return l.together(ctx, keys, n, found)
}

// answered is what came of the request for one key.
type answered struct {
	key  int
	page *page // nil: there is no row
	err  error
}

// each makes a request for each key, and takes answers as they come: no more of them are
// held than requests may be under way.
func (l *lookup) each(ctx context.Context, keys []vec.Vec, n int, found func(*vec.Batch, []int32) error) ([]stream.LookupFault, error) {
	requests := make([]request, n)
	for i := range n {
		values := make([]string, len(keys))
		for k, v := range keys {
			values[k], _ = l.value(l.scan.Keys[k], v, i)
		}
		var err error
		if requests[i], err = l.request(values); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan answered) // without room: who has answered keeps its token until it is heard
	var wait sync.WaitGroup
	wait.Go(func() { l.send(ctx, requests, answers) })
	defer wait.Wait()
	defer cancel()
	w := l.writer(found, l.scan.Keys)
	var faults []stream.LookupFault
	for range requests {
		var a answered
		select {
		case a = <-answers:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if a.err == nil && a.page != nil {
			a.err = w.page(a.page, func(int) (int32, bool) { return int32(a.key), true }, keys)
		}
		var bad *badRecord
		switch {
		case isFault(a.err) || errors.As(a.err, &bad):
			faults = append(faults, stream.LookupFault{Key: a.key, Err: a.err})
		case a.err != nil:
			return nil, a.err // nothing of the call counts
		}
	}
	return faults, w.flush()
}

// send makes the requests, as many at a time as there are tokens, until ctx ends. It
// returns when all have ended.
func (l *lookup) send(ctx context.Context, requests []request, answers chan<- answered) {
	var wait sync.WaitGroup
	defer wait.Wait()
	for i, r := range requests {
		select {
		case l.tokens <- struct{}{}:
		case <-ctx.Done():
			return
		}
		wait.Go(func() {
			defer func() { <-l.tokens }()
			a := answered{key: i}
			a.page, a.err = l.ask(ctx, r)
			select {
			case answers <- a:
			case <-ctx.Done():
			}
		})
	}
}

// isFault reports whether an error is about the key that was asked for: the service
// knows what it was asked, and does not take it.
func isFault(err error) bool {
	var f *failure
	return errors.As(err, &f) && (f.status == http.StatusBadRequest || f.status == http.StatusUnprocessableEntity)
}

// ask makes a request; nil: there is no row.
func (l *lookup) ask(ctx context.Context, r request) (*page, error) {
	a, err := l.client.do(ctx, r)
	var f *failure
	if errors.As(err, &f) && (f.status == http.StatusNotFound || f.status == http.StatusGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l.source.env.Metrics.BytesRead.Add(int64(len(a.body)))
	return l.source.config.cut(a)
}

// value is a key as text.
func (l *lookup) value(column int, v vec.Vec, row int) (string, bool) {
	val := vec.Get(v, row, l.source.rel.Columns[column].Type)
	if val.Null {
		return "", false
	}
	return string(types.AppendText(nil, val, l.format)), true
}

// request asks for the keys whose values are given, in the order of the scan's Keys.
func (l *lookup) request(values []string) (request, error) {
	c := l.source.config
	path, query, _ := strings.Cut(c.text, "?")
	for k, column := range l.scan.Keys {
		place := "{" + l.source.rel.Columns[column].Name + "}"
		path = strings.ReplaceAll(path, place, escaped(values[k]))
		query = strings.ReplaceAll(query, place, url.QueryEscape(values[k]))
	}
	if query != "" {
		path += "?" + query
	}
	u, err := url.Parse(path)
	if err != nil || u.Host != c.url.Host || u.Scheme != c.url.Scheme {
		return request{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: a key makes no URL of it", c.what())
	}
	return request{method: c.method, url: u, body: c.body, most: c.most}, nil
}

// escaped is a text as a part of a path, which leads nowhere else.
func escaped(s string) string {
	if strings.Trim(s, ".") == "" {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}

// together makes one request for all keys, and finds the key of each row by its columns. A
// record that does not decode is a fault of its key; where that does not decode either, of
// every key that was asked for.
func (l *lookup) together(ctx context.Context, keys []vec.Vec, n int, found func(*vec.Batch, []int32) error) ([]stream.LookupFault, error) {
	c := l.source.config
	places := map[string]int32{}
	names := make([]string, n)
	objects := make([]map[string]string, n)
	for i := range n {
		objects[i] = map[string]string{}
		values := make([]string, len(keys))
		for k, v := range keys {
			values[k], _ = l.value(l.scan.Keys[k], v, i)
			objects[i][l.source.rel.Columns[l.scan.Keys[k]].Name] = values[k]
		}
		names[i] = values[0]
		l.level(values)
		places[joined(values)] = int32(i)
	}
	var r request
	var err error
	if c.asks == asksList {
		r, err = l.listed(names)
	} else if r, err = l.request(make([]string, len(keys))); err == nil {
		if r.body, err = stdjson.Marshal(objects); err != nil {
			return nil, fmt.Errorf("writing keys: %w", err)
		}
		r.header = http.Header{"Content-Type": {"application/json"}}
	}
	if err != nil {
		return nil, err
	}
	p, err := l.ask(ctx, r)
	if err != nil || p == nil {
		return nil, err
	}
	w := l.writer(found, nil, l.scan.Keys...)
	w.skip = true
	of := func(rows *decoding, row int) (int32, bool) {
		values := make([]string, len(keys))
		for k, column := range l.scan.Keys {
			values[k], _ = rows.value(column, row)
		}
		l.level(values)
		at, ok := places[joined(values)]
		return at, ok
	}
	if err := w.page(p, func(row int) (int32, bool) { return of(w.rows, row) }, nil); err != nil {
		return nil, err
	}
	return l.faultsOf(w, p, n, of), w.flush()
}

// faultsOf are the keys of records that did not decode.
func (l *lookup) faultsOf(w *rowWriter, p *page, n int, of func(rows *decoding, row int) (int32, bool)) []stream.LookupFault {
	var faults []stream.LookupFault
	for _, bad := range w.bad {
		rows := newDecoding(l.source, nil, stream.Fail, l.scan.Keys...)
		again := &page{records: [][]byte{bad.record}}
		if p.header != nil {
			again.records = [][]byte{p.header, bad.record}
		}
		err := rows.begin(again)
		rows.into(nil)
		if err == nil {
			err = rows.row(bad.record)
		}
		if err != nil {
			faults = faults[:0]
			for i := range n {
				faults = append(faults, stream.LookupFault{Key: i, Err: bad.error})
			}
			return faults
		}
		if key, ok := of(rows, 0); ok {
			faults = append(faults, stream.LookupFault{Key: int(key), Err: bad.error})
		}
	}
	return faults
}

// level writes keys that are equal alike: of numbers, without the zeros at their ends.
func (l *lookup) level(values []string) {
	for k, column := range l.scan.Keys {
		if l.source.rel.Columns[column].Type.OID == types.Numeric && strings.Contains(values[k], ".") {
			values[k] = strings.TrimSuffix(strings.TrimRight(values[k], "0"), ".")
		}
	}
}

// listed asks for several keys, parted by commas.
func (l *lookup) listed(names []string) (request, error) {
	c := l.source.config
	place := "{" + c.asked[0] + "}"
	inPath, inQuery := make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		inPath[i], inQuery[i] = escaped(n), url.QueryEscape(n)
	}
	path, query, asks := strings.Cut(c.text, "?")
	text := strings.ReplaceAll(path, place, strings.Join(inPath, ","))
	if asks {
		text += "?" + strings.ReplaceAll(query, place, strings.Join(inQuery, ","))
	}
	u, err := url.Parse(text)
	if err != nil || u.Host != c.url.Host {
		return request{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: keys make no URL of it", c.what())
	}
	return request{method: c.method, url: u, body: c.body, most: c.most}, nil
}

// joined is several texts as one, which no others have.
func joined(values []string) string {
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%d:%s", len(v), v)
	}
	return b.String()
}

// rowWriter makes rows of answers, and hands them on as they fill a batch.
type rowWriter struct {
	l     *lookup
	rows  *decoding
	found func(*vec.Batch, []int32) error
	batch *vec.Batch
	of    []int32
	given map[int]int // columns of the batch that the key itself gives: which of the keys
	skip  bool        // records that do not decode are passed over, and noted
	bad   []*badRecord
}

// badRecord is the error of a record that does not decode.
type badRecord struct {
	error
	record []byte
}

func (b *badRecord) Unwrap() error { return b.error }

// writer decodes the scan's columns but given, and those in also.
func (l *lookup) writer(found func(*vec.Batch, []int32) error, given []int, also ...int) *rowWriter {
	w := &rowWriter{l: l, found: found, given: map[int]int{}}
	all := l.source.rel.AllColumns()
	columns := slices.Clone(l.scan.Columns)
	var ts []types.Type
	for out, c := range columns {
		ts = append(ts, all[c].Type)
		if k := slices.Index(given, c); k >= 0 {
			w.given[out], columns[out] = k, len(all) // nothing that is decoded
		}
	}
	w.batch = vec.NewBatch(ts)
	w.rows = newDecoding(l.source, columns, stream.Fail, also...)
	return w
}

// page adds the rows of an answer. of tells the key of a row that has been decoded.
func (w *rowWriter) page(p *page, of func(row int) (int32, bool), keys []vec.Vec) error {
	if err := w.rows.begin(p); err != nil {
		return err
	}
	b := w.batch
	w.rows.into(b)
	for i, record := range p.records {
		if b.Rows == vec.MaxRows {
			if err := w.flush(); err != nil {
				return err
			}
			w.rows.into(b)
		}
		if err := w.rows.row(record); err != nil {
			c := w.l.source.config
			bad := &badRecord{stream.LookupError(w.l.source.rel, fmt.Sprintf("%s, record %d", c.what(), i+1), err), record}
			if !w.skip {
				return bad
			}
			w.bad = append(w.bad, bad)
			continue
		}
		key, ok := of(b.Rows)
		if !ok { // of a key that was not asked for
			w.rows.drop(b.Rows)
			continue
		}
		for out, k := range w.given {
			vec.AppendRow(b.Cols[out], keys[k], int(key))
		}
		w.of = append(w.of, key)
		b.Rows++
	}
	return nil
}

// flush hands on what there is.
func (w *rowWriter) flush() error {
	if w.batch.Rows == 0 {
		return nil
	}
	err := w.found(w.batch, w.of)
	w.batch.Reset()
	w.of = w.of[:0]
	return err
}

// Close closes the connections; it may be called twice.
func (l *lookup) Close() error {
	l.client.transport.CloseIdleConnections()
	return nil
}

var _ stream.Looker = Connector{}
