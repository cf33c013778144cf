package s3

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/file"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// naming makes the keys of a sink's objects: folders by template and columns, and a
// name that no other object has.
type naming struct {
	folder    object.Template // with its last /, or nothing
	name      object.Template // without its extension
	ext       string
	dotted    bool   // the template has the extension
	prefix    string // what every key begins with
	partition []int  // columns that are folders
	columns   []catalog.Column
	time      int    // the column that dates are taken from; -1: the clock
	owner     string // of the sink: in every name
	step      time.Duration
	last      time.Time // that a name was made of
	buf       []byte
}

const batchID = "{batch_id}"

// newNaming splits a template.
func newNaming(template string) (*naming, error) {
	whole, err := object.ParseTemplate(template)
	if err != nil {
		return nil, err
	}
	n := &naming{time: -1, step: 24 * time.Hour}
	if whole.Has("hour") {
		n.step = time.Hour
	}
	if whole.Has("minute") {
		n.step = time.Minute
	}
	i := strings.LastIndexByte(template, '/') + 1
	folder, name := template[:i], template[i:]
	base, ext, dotted := strings.Cut(name, ".")
	switch n.dotted = dotted; {
	case name == "":
		base = batchID
	case dotted:
		n.ext = "." + ext
	case !strings.Contains(name, batchID):
		folder, base = folder+name+"/", batchID // a folder, whose / was left out
	}
	if !whole.Has("batch_id") && !strings.Contains(base, batchID) {
		base += "-" + batchID
	}
	n.prefix, _, _ = strings.Cut(folder+base, "{")
	if n.folder, err = object.ParseTemplate(folder); err != nil {
		return nil, err
	}
	if n.folder.Has("timestamp") {
		n.step = time.Minute
	}
	n.name, err = object.ParseTemplate(base)
	return n, err
}

// own gives the names the mark of their sink: a job's relation, or something random.
func (n *naming) own(o stream.SinkOptions, rel *catalog.Relation) {
	of := cmp.Or(o.ID, o.Job)
	if of == "" {
		of = rand.Text()
	}
	h := sha256.Sum256([]byte(of + "\x00" + rel.Schema + "\x00" + rel.Name))
	n.owner = "f" + hex.EncodeToString(h[:6])
}

// place is where a row goes: the same for the rows of one object.
func (n *naming) place(b *vec.Batch, row int, now time.Time) (string, time.Time, error) {
	at := now
	if n.time >= 0 {
		v := vec.Get(b.Cols[n.time], row, n.columns[n.time].Type)
		if v.Null {
			return "", at, sqlerr.Errorf(sqlerr.NotNullViolation, "null value in column %q, which time_column names", n.columns[n.time].Name)
		}
		if at = moment(v); at.IsZero() {
			return "", at, sqlerr.Errorf(sqlerr.DatetimeFieldOverflow, "column %q, which time_column names, is infinite", n.columns[n.time].Name)
		}
	}
	at = at.UTC().Truncate(n.step)
	n.buf = at.AppendFormat(n.buf[:0], time.RFC3339)
	for _, c := range n.partition {
		n.buf = append(n.buf, '/')
		n.buf = append(n.buf, segment(n.columns[c].Name)...)
		n.buf = append(n.buf, '=')
		v := vec.Get(b.Cols[c], row, n.columns[c].Type)
		if v.Null {
			n.buf = append(n.buf, file.NullFolder...)
			continue
		}
		n.buf = append(n.buf, segment(string(types.AppendText(nil, v, types.DefaultFormat())))...)
	}
	return string(n.buf), at, nil
}

// moment is a value's time; zero: it has none.
func moment(v types.Value) time.Time {
	switch v.Type.OID {
	case types.Date:
		if v.I <= -1<<31 || v.I >= 1<<31-1 {
			return time.Time{}
		}
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(v.I))
	default:
		if v.I == -1<<63 || v.I == 1<<63-1 {
			return time.Time{}
		}
		return time.UnixMicro(v.I - types.UnixEpoch).UTC()
	}
}

// segment is text as a part of a key.
func segment(s string) string {
	return strings.NewReplacer("+", "%20", "%2B", "+", "%3A", ":").Replace(url.QueryEscape(s))
}

// key is that of a new object at a place. began is when its first row came: names stand
// in the order in which objects were begun.
func (n *naming) key(place string, at, began time.Time) string {
	_, folders, _ := strings.Cut(place, "/")
	if folders != "" {
		folders += "/"
	}
	stamp := began
	if least := n.last.Add(time.Microsecond); stamp.Before(least) {
		stamp = least
	}
	n.last = stamp
	batch := fmt.Sprintf("%s-%s-%s", strings.Replace(stamp.UTC().Format("20060102T150405.000000"), ".", "", 1), n.owner, strings.ToLower(rand.Text()[:10]))
	named := began
	if n.time >= 0 {
		named = at
	}
	return n.folder.Expand(at, batch) + folders + n.name.Expand(named, batch) + expand(n.ext, named, batch)
}

// expand puts a time into an extension.
func expand(ext string, at time.Time, batch string) string {
	t, err := object.ParseTemplate(ext)
	if err != nil {
		return ext // the whole template was read before it was split
	}
	return t.Expand(at, batch)
}
