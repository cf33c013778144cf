package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/typepb"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

const orderProto = `syntax = "proto3"; message Order { optional int64 id = 1; optional string name = 2; }`

// message is an Order; a bad one has a name that is not UTF-8.
func message(id int, name string, bad bool) []byte {
	if bad {
		name = "\xff"
	}
	b := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(id))
	return protowire.AppendString(protowire.AppendTag(b, 2, protowire.BytesType), name)
}

// messages are Orders of the ids, behind their lengths.
func messages(ids ...int) string {
	var b []byte
	for _, id := range ids {
		b = protobuf.AppendDelimited(b, message(id, fmt.Sprint("n", id), false))
	}
	return string(b)
}

func orders(path string, options ...string) *catalog.Relation {
	return relation(path, append([]string{"format", "protobuf", "protobuf.schema", orderProto}, options...)...)
}

// TestMessages reads what Google's library writes, and what a sink writes is read by it.
func TestMessages(t *testing.T) {
	const proto = `syntax = "proto3"; message EnumValue { string name = 1; int32 number = 2; }`
	dir := t.TempDir()
	relation := func(path string) *catalog.Relation {
		r := relation(path, "format", "protobuf", "protobuf.schema", proto)
		r.Columns[0].Name = "number"
		return r
	}
	var theirs bytes.Buffer
	var want []string
	for i := range 300 {
		at := theirs.Len()
		if _, err := protodelim.MarshalTo(&theirs, &typepb.EnumValue{Number: int32(i), Name: strings.Repeat("x", i)}); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("%d %s @%d", i, strings.Repeat("x", i), at))
	}
	path := filepath.Join(dir, "theirs.pb")
	write(t, path, theirs.String())
	if got, err := open(t, relation(path), dir, stream.Scan{Bounded: true}, nil).rest(); err != nil || !slices.Equal(got, want) {
		t.Errorf("read %q, %v", got, err)
	}

	rel := relation(filepath.Join(dir, "ours.pb"))
	rel.Kind = catalog.Sink
	s, err := Connector{}.Sink(t.Context(), env(dir), rel, stream.SinkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, 1, 2, 300)
	commit(t, s, 1, prepare(t, s, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "ours.pb"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := bytes.NewReader(b); ; {
		var m typepb.EnumValue
		if err := protodelim.UnmarshalFrom(r, &m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(m.Number, " ", m.Name))
	}
	if want := []string{"1 n1", "2 n2", "300 n300"}; !slices.Equal(got, want) {
		t.Errorf("another library reads %q, want %q", got, want)
	}
}

// TestMessageSinkErrors: a row that has no form in the schema is a reject, and nothing of
// it is written.
func TestMessageSinkErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.pb")
	s := openSink(t, path, stream.SinkOptions{}, "format", "protobuf", "protobuf.schema", `syntax = "proto3"; message M { int32 id = 1; string name = 2; }`)
	b := opRows("+1 a", "+9999999999 b", "+2 c")
	rejects, err := s.Write(t.Context(), b)
	if err != nil || len(rejects) != 1 || !strings.Contains(rejects[0].Err.Error(), path) {
		t.Errorf("rejects %v, %v, want one that names the file", rejects, err)
	}
	commit(t, s, 1, prepare(t, s, 1))
	rows, err := open(t, orders(path), dir, stream.Scan{Bounded: true}, nil).rest()
	if want := []string{"1 a @0", "2 c @6"}; err != nil || !slices.Equal(rows, want) {
		t.Errorf("read %q, %v, want %q", rows, err, want)
	}
	rel := relation(path, "format", "protobuf", "protobuf.framing", "none")
	rel.Kind = catalog.Sink
	if err := (Connector{}).Check(env(dir), rel, stream.RoleSink); sqlerr.CodeOf(err) != sqlerr.FeatureNotSupported {
		t.Errorf("a file of one message: %v", err)
	}
}

// TestMessagesResumed reads on from each position that was told, compressed or not.
func TestMessagesResumed(t *testing.T) {
	dir := t.TempDir()
	var ids []int
	for i := range 5000 {
		ids = append(ids, i)
	}
	for _, codec := range []object.Codec{object.None, object.Gzip, object.Zstd, object.Snappy, object.LZ4} {
		path := filepath.Join(dir, "in-"+string(codec))
		content := []byte(messages(ids...))
		if codec != object.None {
			var err error
			if content, err = codec.Append(nil, content); err != nil {
				t.Fatal(err)
			}
		}
		write(t, path, string(content))
		rel := orders(path, "compression", string(codec), "buffer_size_bytes", "4KB")
		want, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
		if err != nil || len(want) != len(ids) {
			t.Fatalf("%s: %d rows, %v", codec, len(want), err)
		}
		var got []string
		var at map[stream.Split]stream.Offset
		for {
			c := open(t, rel, dir, stream.Scan{Bounded: true}, maps.Clone(at))
			rows, err := c.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rows...)
			if at = c.at; len(rows) == 0 {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows in pieces, want %d", codec, len(got), len(want))
		}
	}
}

// TestMessageFaults: messages that cannot be cut, or do not decode, do what the scan says,
// and say where they are.
func TestMessageFaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.pb")
	long := string(protobuf.AppendDelimited(nil, message(7, strings.Repeat("x", 5000), false)))
	bad := string(protobuf.AppendDelimited(nil, message(8, "", true)))
	one := messages(1)
	endless := strings.Repeat("\xff", 11)
	hostile := string(binary.AppendUvarint(nil, 1<<63+5)) + "rest"
	for _, c := range []struct {
		name, content, says string
		skip                []string // what is read past it
		raw                 string
	}{
		{"bad", one + bad + messages(2), "field \"name\": invalid byte sequence", []string{"1 n1 @0", fmt.Sprintf("2 n2 @%d", len(one+bad))}, string(message(8, "", true))},
		{"long", one + long + messages(2), fmt.Sprintf("the record says that it is %d bytes long, and max_line_bytes is 1024", len(long)-2), []string{"1 n1 @0", fmt.Sprintf("2 n2 @%d", len(one+long))}, ""},
		{"cut", one + messages(2)[:5], "the file ends within a message, of which it has 5 bytes", []string{"1 n1 @0"}, messages(2)[1:5]},
		{"cut in its length", one + "\x80", "ends within a message, of which it has 1 bytes", []string{"1 n1 @0"}, "\x80"},
		{"hostile", one + hostile, "the record says that it is 9223372036854775813 bytes long", []string{"1 n1 @0"}, ""},
		{"endless", one + endless, "invalid length of a Protobuf message", []string{"1 n1 @0"}, ""},
	} {
		write(t, path, c.content)
		for _, window := range []string{"4KB", "64KB"} {
			rel := orders(path, "max_line_bytes", "1KB", "buffer_size_bytes", window)
			got, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
			place := fmt.Sprintf(`stream "orders", file %q, offset %d`, path, len(one))
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), place) || !slices.Equal(got, []string{"1 n1 @0"}) {
				t.Errorf("%s: %q, then %v, want %s at %s", c.name, got, err, c.says, place)
			}
			cur := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
			got, err = cur.rest()
			if err != nil || !slices.Equal(got, c.skip) || len(cur.rejects) != 1 || cur.rejects[0].At != int64(len(one)) || string(cur.rejects[0].Raw) != c.raw {
				t.Errorf("%s, passed over: %q, %v, rejects %+v, want %q", c.name, got, err, cur.rejects, c.skip)
			}
			want := slices.Insert(slices.Clone(c.skip), 1, fmt.Sprintf("NULL NULL @%d", len(one)))
			if c.name == "bad" {
				want[1] = fmt.Sprintf("8 NULL @%d", len(one)) // only the field is
			}
			if got, err = open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.NullBad}, nil).rest(); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, as NULLs: %q, %v, want %q", c.name, got, err, want)
			}
		}
	}
	// Of a file that goes on nothing says what is read next.
	write(t, path, one+endless)
	c := open(t, orders(path, "follow", "true"), dir, stream.Scan{OnReject: stream.Skip}, nil)
	if _, err := c.rest(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: invalid length", len(one))) {
		t.Errorf("followed: %v", err)
	}
}

// TestMessagesFollowed: a message whose end has not come is none, and what comes later is
// read from the latest on.
func TestMessagesFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in.pb")
	two, three := messages(2), messages(3)
	write(t, path, messages(1)+two[:3])
	first := open(t, orders(path, "follow", "true"), dir, stream.Scan{}, nil)
	late := open(t, orders(path, "follow", "true"), dir, stream.Scan{Latest: true}, nil)
	first.want("1 n1 @0")
	extend(t, path, two[3:])
	at := len(messages(1))
	first.want(fmt.Sprintf("2 n2 @%d", at))
	late.want(fmt.Sprintf("2 n2 @%d", at))
	extend(t, path, three)
	first.want(fmt.Sprintf("3 n3 @%d", at+len(two)))
}

// TestLatestOfCompressed: the latest of a file that is read through is its end.
func TestLatestOfCompressed(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, `{"id":%d,"name":"of many"}`+"\n", i)
	}
	packed, err := object.Gzip.Append(nil, []byte(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "in.json.gz")
	write(t, path, string(packed))
	if got, err := open(t, relation(path), dir, stream.Scan{Latest: true}, nil).rest(); err != nil || len(got) != 0 {
		t.Errorf("read %d rows, %v, want none", len(got), err)
	}
}

// TestSoleMessages reads files of one message each.
func TestSoleMessages(t *testing.T) {
	dir := t.TempDir()
	for i, content := range []string{string(message(1, "a", false)), "", strings.Repeat(string(message(2, "b", false)), 300), string(message(3, "c", false))} {
		write(t, filepath.Join(dir, fmt.Sprintf("%d.pb", i)), content)
	}
	for _, window := range []string{"4KB", "64KB"} {
		rel := orders(filepath.Join(dir, "*.pb"), "protobuf.framing", "none", "buffer_size_bytes", window, "max_line_bytes", "1KB")
		_, err := open(t, rel, dir, stream.Scan{Bounded: true}, nil).rest()
		if err == nil || !strings.Contains(err.Error(), "the record is longer than max_line_bytes (1024)") || !strings.Contains(err.Error(), "2.pb") {
			t.Errorf("a file that is too long: %v", err)
		}
		c := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, nil)
		got, err := c.rest()
		if want := []string{"1 a @0", "3 c @0"}; err != nil || !slices.Equal(got, want) || len(c.rejects) != 1 {
			t.Errorf("read %q, %v, %d rejects, want %q and one", got, err, len(c.rejects), want)
		}
		if got, err := open(t, rel, dir, stream.Scan{Bounded: true, OnReject: stream.Skip}, c.at).rest(); err != nil || len(got) != 0 {
			t.Errorf("read again from their ends: %q, %v", got, err)
		}
	}
}

// FuzzMessages cuts files into messages as Google's library does, wherever its window
// lies, and goes on from every position.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(messages(1, 2, 3)), uint8(0))
	f.Add([]byte("\x00\x00"+messages(1)+"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), uint8(1))
	f.Add([]byte(messages(1)+"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01x"), uint8(2))
	f.Add([]byte(messages(1)+"\x90\x4e"+strings.Repeat("x", 5000)), uint8(1))
	f.Fuzz(func(t *testing.T, content []byte, kind uint8) {
		dir := t.TempDir()
		path := filepath.Join(dir, "in.pb")
		write(t, path, string(content))
		// One field that takes any bytes, so that cutting alone decides.
		rel := relation(path, "format", "protobuf", "protobuf.schema", `syntax = "proto3"; message M { optional int64 id = 1; optional string name = 2; }`,
			"max_line_bytes", "1KB", "buffer_size_bytes", "4KB")
		scan := stream.Scan{Bounded: true, OnReject: []stream.Policy{stream.Skip, stream.NullBad}[kind%2]}
		whole := open(t, rel, dir, scan, nil)
		rows, err := whole.rest()
		if err != nil {
			t.Fatal(err)
		}
		want := 0 // records, good or not
		for r := bytes.NewReader(content); r.Len() > 0; want++ {
			size, err := binary.ReadUvarint(r)
			if err != nil || size > uint64(r.Len()) {
				want++
				break
			}
			r.Seek(int64(size), io.SeekCurrent)
		}
		if got := len(rows) + len(whole.rejects); got != want {
			t.Fatalf("%d records of %x, want %d", got, content, want)
		}
		var pieces []string
		var at map[stream.Split]stream.Offset
		for {
			c := open(t, rel, dir, scan, maps.Clone(at))
			got, err := c.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, got...)
			done := len(got) == 0 && len(c.rejects) == 0
			if at = c.at; done {
				break
			}
		}
		if !slices.Equal(pieces, rows) {
			t.Fatalf("in pieces %q, want %q", pieces, rows)
		}
	})
}
