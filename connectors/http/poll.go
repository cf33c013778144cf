package http

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// pollReader asks a URL, hands the records of its answer on, and asks again: the next
// page at once, and when there is no more, after poll_interval. One request is under way
// at a time, while nothing of an answer is left.
type pollReader struct {
	*reading
	rows   *decoding
	at     place
	due    time.Time // when it is asked again
	window *window   // nil: there is no key
	open   bool
	pages  map[string]bool // that this answer had; of one that has no more, nil

	asking chan asked // of the request that is under way; nil: none is
	page   *page      // whose records are handed on; nil: none
	ended  bool       // of a bounded scan
	latest bool       // what there is is passed over, to the end of what one answer says
}

// asked is what came of a request; page nil: nothing has changed.
type asked struct {
	page *page
	err  error
}

func newPollReader(r *reading) *pollReader {
	c := r.source.config
	return &pollReader{reading: r, rows: newDecoding(r.source, r.scan.Columns, r.scan.OnReject, append(append([]int(nil), c.keys...), c.cursorColumn)...)}
}

// start takes up a position.
func (r *pollReader) start(p place, keys []uint64) {
	c := r.source.config
	if r.open, r.at = true, p; p.Version == 0 {
		r.at, r.latest = c.first(), r.scan.Latest
	}
	if len(c.keys) > 0 {
		r.window = newWindow(c.window, keys)
	}
}

// Read hands on records of an answer, or waits for one.
func (r *pollReader) Read(ctx context.Context, b *vec.Batch) (stream.Read, error) {
	b.Reset()
	if r.ended || !r.open {
		return stream.Read{}, io.EOF
	}
	if r.page != nil {
		return r.deliver(b)
	}
	if r.asking == nil {
		r.ask()
	}
	select {
	case a := <-r.asking:
		r.asking = nil
		if a.err != nil {
			return r.unusable(a.err)
		}
		if err := r.take(a.page); err != nil {
			return r.unusable(err)
		}
		if r.page == nil {
			return r.caughtUp()
		}
		return r.deliver(b)
	case <-r.wake:
		return stream.Read{}, nil
	case <-ctx.Done():
		return stream.Read{}, ctx.Err()
	}
}

// ask makes the next request when it is due.
func (r *pollReader) ask() {
	out := make(chan asked, 1) // it has room, so that nobody need wait for it
	r.asking = out
	at, due, c := r.at, r.due, r.source.config
	r.wait.Go(func() {
		if err := pause(r.ctx, time.Until(due)); err != nil {
			return
		}
		u, err := c.at(at)
		if err != nil {
			out <- asked{err: err}
			return
		}
		header := http.Header{}
		if at.ETag != "" {
			header.Set("If-None-Match", at.ETag)
		}
		if at.Modified != "" {
			header.Set("If-Modified-Since", at.Modified)
		}
		a, err := r.client.do(r.ctx, request{method: c.method, url: u, header: header, body: c.body, most: c.most})
		if err != nil || a.status == http.StatusNotModified {
			out <- asked{err: err}
			return
		}
		r.source.env.Metrics.BytesRead.Add(int64(len(a.body)))
		p, err := c.cut(a)
		out <- asked{p, err}
	})
}

// unusable is for an answer that cannot be read: an error, or, where records that do not
// decode are passed over, one of those.
func (r *pollReader) unusable(err error) (stream.Read, error) {
	if r.scan.OnReject == stream.Fail || sqlerr.CodeOf(err) != sqlerr.InvalidTextRepresentation {
		return stream.Read{}, err
	}
	at, perr := r.position()
	if perr != nil {
		return stream.Read{}, perr
	}
	r.source.env.Metrics.Rejects.Add(1)
	read, err2 := r.caughtUp()
	read.Rejects = []stream.Reject{{Position: stream.Position{Split: split, Offset: at}, Err: err}}
	return read, err2
}

// take begins an answer: behind the records that have been read of it. One that was read
// whole before is none.
func (r *pollReader) take(p *page) error {
	if p == nil {
		return nil
	}
	h := sha256.Sum256(p.body)
	sum := hex.EncodeToString(h[:12])
	same := r.at.Sum == sum
	switch {
	case same && r.at.Whole:
		r.at.ETag, r.at.Modified = tags(p.answer)
		return nil
	case r.at.Whole, !same && !r.source.config.cursored():
		r.at.Rows = 0 // it is another one
	}
	r.at.Sum, r.at.Whole, r.at.ETag, r.at.Modified = sum, false, "", ""
	if err := r.rows.begin(p); err != nil {
		return err
	}
	r.page = p
	return nil
}

// tags say what an answer was, to the service that gave it.
func tags(a *answer) (etag, modified string) {
	return a.header.Get("ETag"), a.header.Get("Last-Modified")
}

func (r *pollReader) position() (stream.Offset, error) {
	var keys []uint64
	if r.window != nil {
		keys = r.window.keys()
	}
	return r.at.encode(keys)
}

// caughtUp says that there is no more so far.
func (r *pollReader) caughtUp() (stream.Read, error) {
	r.due, r.pages, r.latest = time.Now().Add(r.source.config.interval), nil, false
	r.ended = r.scan.Bounded
	next, err := r.position()
	return stream.Read{Split: split, Next: next, CaughtUp: true}, err
}

// deliver hands the next records of the answer on.
func (r *pollReader) deliver(b *vec.Batch) (stream.Read, error) {
	c := r.source.config
	read := stream.Read{Split: split}
	r.rows.into(b)
	for b.Rows < vec.MaxRows && len(read.Rejects) < vec.MaxRows && r.at.Rows < int64(len(r.page.records)) {
		record := r.page.records[r.at.Rows]
		r.at.Rows++
		if err := r.rows.row(record); err != nil {
			at, perr := r.position()
			if perr != nil {
				return read, perr
			}
			reject, err := r.rows.reject(at, r.at.Rows, fmt.Sprintf("%s, record %d", c.what(), r.at.Rows), record, err)
			if err != nil {
				return stream.Read{}, err
			}
			read.Rejects = append(read.Rejects, reject)
			continue
		}
		if c.cursorColumn >= 0 {
			r.cursor(b.Rows)
		}
		if fresh := r.window == nil || r.window.add(r.rows.key(c.keys, b.Rows)); r.latest || !fresh {
			r.rows.drop(b.Rows)
			continue
		}
		if b.Rows++; r.scan.Raw {
			read.Raw = append(read.Raw, stream.Record{At: r.at.Rows, Value: record})
		}
	}
	r.source.env.Metrics.RecordsRead.Add(int64(b.Rows))
	if r.at.Rows < int64(len(r.page.records)) {
		var err error
		read.Next, err = r.position()
		return read, err
	}
	more, err := r.turn()
	if err != nil {
		return stream.Read{}, err
	}
	if !more {
		end, err := r.caughtUp()
		end.Rejects, end.Raw = read.Rejects, read.Raw
		return end, err
	}
	read.Next, err = r.position()
	return read, err
}

// cursor notes the last record's value of the cursor's column. The request that is being
// answered had another one: what is kept of this answer is of that until it ends.
func (r *pollReader) cursor(row int) {
	if v, ok := r.rows.value(r.source.config.cursorColumn, row); ok {
		r.page.last, r.page.has = v, true
	}
}

// turn leaves an answer whose records have all been read, for the next request. more:
// it is made at once.
func (r *pollReader) turn() (more bool, err error) {
	c, p := r.source.config, r.page
	r.page = nil
	next, err := r.nextPage(p)
	if err != nil {
		return false, err
	}
	cursor, has := p.last, p.has
	if len(c.cursorPath) > 0 {
		v, err := c.cursorPath.find(p.body)
		if err == nil {
			cursor, has, err = text(v)
		}
		if err != nil {
			return false, c.noRecords(p.answer.header, err)
		}
	}
	moved := c.cursored() && has && (!r.at.Has || cursor != r.at.Cursor)
	if moved {
		r.at.Cursor, r.at.Has = cursor, true
	}
	switch {
	case next != "":
		r.at.Page, r.at.Rows, r.at.Sum = next, 0, ""
		return true, nil
	case moved:
		r.at.Page, r.at.Rows, r.at.Sum = "", 0, ""
		return len(p.records) > 0, nil
	case r.at.Page != "": // the last page: the next time the first one comes first
		r.at.Page, r.at.Rows, r.at.Sum = "", 0, ""
		return false, nil
	}
	r.at.ETag, r.at.Modified = tags(p.answer)
	r.at.Whole = !c.cursored()
	if c.next != "" {
		r.at.ETag, r.at.Modified, r.at.Whole, r.at.Rows, r.at.Sum = "", "", false, 0, ""
	}
	return false, nil
}

// mostPages bounds the pages of one answer.
const mostPages = 100_000

// nextPage is where an answer goes on; "": it does not.
func (r *pollReader) nextPage(p *page) (string, error) {
	c := r.source.config
	var to string
	switch {
	case c.next == "":
		return "", nil
	case c.next == nextLink:
		to = linkNext(p.answer.header)
	default:
		v, err := c.nextPath.find(p.body)
		if err == nil {
			to, _, err = text(v)
		}
		if err != nil {
			return "", c.noRecords(p.answer.header, err)
		}
	}
	if to == "" {
		return "", nil
	}
	if c.nextParam == "" {
		u, err := p.answer.url.Parse(to)
		if err != nil {
			return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: the next page is said to be at %q, which is no URL", c.what(), c.said([]byte(to))).
				WithHint("Set next.param, where it is the value of a query parameter.")
		}
		if err := c.leads(p.answer.url, u); err != nil {
			return "", err
		}
		to = u.String()
	}
	if r.pages == nil {
		r.pages = map[string]bool{}
		if c.nextParam == "" {
			r.pages[c.url.String()] = true
		}
	}
	if r.pages[to] || len(r.pages) > mostPages {
		return "", sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: the next pages lead in a circle", c.what()).
			WithHint("Check next: the service names a page again that was read before.")
	}
	r.pages[to] = true
	return to, nil
}

// linkNext is the URL of a Link header's rel="next".
func linkNext(h http.Header) string {
	for _, value := range h.Values("Link") {
		for value != "" {
			begin := strings.IndexByte(value, '<')
			end := strings.IndexByte(value, '>')
			if begin < 0 || end < begin {
				break
			}
			target, rest := value[begin+1:end], value[end+1:]
			params := rest
			if i := strings.Index(rest, ",<"); i >= 0 {
				params, value = rest[:i], rest[i+1:]
			} else if i := strings.Index(rest, ", <"); i >= 0 {
				params, value = rest[:i], rest[i+1:]
			} else {
				value = ""
			}
			for param := range strings.SplitSeq(params, ";") {
				name, rels, _ := strings.Cut(strings.TrimSpace(param), "=")
				if !strings.EqualFold(strings.TrimSpace(name), "rel") {
					continue
				}
				for rel := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(rels), `"`)) {
					if strings.EqualFold(rel, "next") {
						return target
					}
				}
			}
		}
	}
	return ""
}

var (
	_ stream.Reader  = (*pollReader)(nil)
	_ stream.Impeded = (*pollReader)(nil)
)
