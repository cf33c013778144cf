package bench

import (
	"bytes"
	"encoding/binary"
	stdcsv "encoding/csv"
	"fmt"
	osexec "os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	hamba "github.com/hamba/avro/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/avro"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/csv"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/protobuf"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// avroEvent is the event as an Avro record.
type avroEvent struct {
	OrderID    int64     `avro:"order_id"`
	CustomerID string    `avro:"customer_id"`
	Symbol     string    `avro:"symbol"`
	Price      []byte    `avro:"price"`
	Quantity   int64     `avro:"quantity"`
	Side       string    `avro:"side"`
	Venue      *string   `avro:"venue"`
	EventTime  time.Time `avro:"event_time"`
}

// avroSchema has the price as the type given: to the library it is bytes, of which it
// would make a big.Rat else.
func avroSchema(price string) string {
	return `{"type":"record","name":"event","fields":[{"name":"order_id","type":"long"},{"name":"customer_id","type":"string"},` +
		`{"name":"symbol","type":"string"},{"name":"price","type":` + price + `},{"name":"quantity","type":"long"},{"name":"side","type":"string"},` +
		`{"name":"venue","type":["null","string"]},{"name":"event_time","type":{"type":"long","logicalType":"timestamp-micros"}}]}`
}

// formatsBars measure decoders of formats against the libraries that are used else.
func formatsBars(t *testing.T, _ time.Duration) []bar {
	api := hamba.Config{MaxByteSliceSize: 1 << 20, MaxSliceAllocSize: 1 << 20}.Freeze()
	plain := hamba.MustParse(avroSchema(`"bytes"`))
	schema, err := avro.Parse(avroSchema(`{"type":"bytes","logicalType":"decimal","precision":18,"scale":4}`))
	if err != nil {
		t.Fatal(err)
	}
	columns, err := schema.Columns(false)
	if err != nil {
		t.Fatal(err)
	}
	var records [vec.MaxRows][]byte
	venue := "XNAS-PRIMARY"
	for i := range records {
		price := binary.BigEndian.AppendUint32(nil, uint32(500000+i*7919))
		if records[i], err = api.Marshal(plain, avroEvent{
			OrderID: int64(1000000000 + i), CustomerID: "customer-000123", Symbol: "GOOGL", Price: price,
			Quantity: int64(eventQuantity(i)), Side: "SELL", Venue: &venue, EventTime: time.UnixMicro(1705314600123456 + int64(i)),
		}); err != nil {
			t.Fatal(err)
		}
	}
	var cols []vec.Vec
	for _, c := range columns {
		cols = append(cols, vec.New(c.Type))
	}
	d, err := avro.NewDecoder(columns, avro.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	asMap, _ := perRecord(records[:], func(r []byte) error {
		var v map[string]any
		return api.Unmarshal(plain, r, &v)
	}, func() {})
	asStruct, _ := perRecord(records[:], func(r []byte) error {
		var v avroEvent
		return api.Unmarshal(plain, r, &v)
	}, func() {})
	own, allocs := perRecord(records[:], d.Decode, func() {
		for _, c := range cols {
			c.Reset()
		}
		d.Bind(cols)
	})
	note := time.Duration(own).String() + " a record of " + strconv.Itoa(len(records[7])) + " bytes"
	return append([]bar{
		{name: "hamba into a map / Avro decode into columns", value: asMap / own, limit: 15, least: true, note: note},
		{name: "hamba into a struct / Avro decode into columns", value: asStruct / own, limit: 3, least: true, note: note},
		{name: "allocations of a batch of 1,024 Avro records", value: float64(allocs), limit: 0},
	}, csvBar(t), parquetBar(t))
}

// csvBar measures the event as CSV: the library parts it into strings, we into columns.
func csvBar(t *testing.T) bar {
	price, err := types.Lookup(types.Numeric).ModIn([]int32{18, 4})
	if err != nil {
		t.Fatal(err)
	}
	columns := []catalog.Column{
		{Name: "order_id", Type: types.Of(types.Int8)}, {Name: "customer_id", Type: types.Of(types.Text)}, {Name: "symbol", Type: types.Of(types.Text)},
		{Name: "price", Type: types.Type{OID: types.Numeric, Mod: price}}, {Name: "quantity", Type: types.Of(types.Int8)}, {Name: "side", Type: types.Of(types.Text)},
		{Name: "event_time", Type: types.Of(types.Timestamptz)},
	}
	var text []byte
	for i := range vec.MaxRows {
		text = fmt.Appendf(text, "%d,customer-%06d,%s,%d.%04d,%d,%s,2024-01-15T10:%02d:%02d.%06dZ\n", 1000000000+i, i*37%100000,
			[...]string{"AAPL", "MSFT", "GOOGL", "F", "BRK.A"}[i%5], 50+i%300, i*7919%10000, eventQuantity(i), [...]string{"BUY", "SELL"}[i%2], i/60%60, i%60, i*7%1000000)
	}
	var cols []vec.Vec
	for _, c := range columns {
		cols = append(cols, vec.New(c.Type))
	}
	d := csv.NewDecoder(columns, []int{0, 1, 2, 3, 4, 5, 6}, csv.Options{Delimiter: ',', Quote: '"'})
	var mine, theirs []float64
	for range 5 {
		mine = append(mine, float64(testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				for _, c := range cols {
					c.Reset()
				}
				d.Bind(cols)
				if n, _ := d.Lines(text, vec.MaxRows, 1<<20); n != vec.MaxRows {
					b.Fatalf("%d rows", n)
				}
			}
		}).NsPerOp())/vec.MaxRows)
		theirs = append(theirs, float64(testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				r := stdcsv.NewReader(bytes.NewReader(text))
				r.ReuseRecord = true
				n := 0
				for ; ; n++ {
					if _, err := r.Read(); err != nil {
						break
					}
				}
				if n != vec.MaxRows {
					b.Fatalf("%d records", n)
				}
			}
		}).NsPerOp())/vec.MaxRows)
	}
	own := Median(mine)
	return bar{name: "encoding/csv into strings / CSV decode into columns", value: Median(theirs) / own, limit: 3, least: true, note: time.Duration(own).String() + " a record"}
}

// parquetBar measures in a module of its own, which has Arrow.
func parquetBar(t *testing.T) bar {
	run := osexec.CommandContext(t.Context(), "go", "test", "-mod=mod", "-count=1", "-run", "TestBar", "-bars", ".")
	run.Dir = filepath.Join("..", "parquet")
	b := bar{name: "Parquet rows of 7 columns / Arrow's record reader", limit: 0.5}
	out, err := run.CombinedOutput()
	var own, arrow float64
	at := strings.Index(string(out), "bar own ")
	if at >= 0 {
		_, err = fmt.Sscanf(string(out[at:]), "bar own %f arrow %f", &own, &arrow)
	}
	if err != nil || arrow == 0 {
		t.Logf("measuring Parquet: %v\n%s", err, out)
		b.failed = true
		return b
	}
	b.value, b.note = own/arrow, fmt.Sprintf("%.0f ns a row, processor time", own)
	return b
}

const protobufEvent = `syntax = "proto3";
import "google/protobuf/timestamp.proto";
message Event {
  message Decimal { int64 units = 1; int32 scale = 2; }
  int64 order_id = 1; string customer_id = 2; string symbol = 3; Decimal price = 4; int64 quantity = 5; string side = 6;
  optional string venue = 7; google.protobuf.Timestamp event_time = 8;
}`

// protobufBars measure the decoder of Protobuf against Google's library with a message
// that is made of a descriptor, whose fields are then read.
func protobufBars(t *testing.T, _ time.Duration) []bar {
	files, err := (&protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"event.proto": protobufEvent}),
	})}).Compile(t.Context(), "event.proto")
	if err != nil {
		t.Fatal(err)
	}
	event := files[0].Messages().ByName("Event")
	schema, err := protobuf.Parse(protobufEvent, nil)
	if err != nil {
		t.Fatal(err)
	}
	columns, err := schema.Columns("", false)
	if err != nil {
		t.Fatal(err)
	}
	fields := event.Fields()
	var records [vec.MaxRows][]byte
	for i := range records {
		m := dynamicpb.NewMessage(event)
		set := func(at int, v any) { m.Set(fields.Get(at), protoreflect.ValueOf(v)) }
		set(0, int64(1000000000+i))
		set(1, "customer-000123")
		set(2, "GOOGL")
		price := m.Mutable(fields.Get(3)).Message()
		price.Set(price.Descriptor().Fields().Get(0), protoreflect.ValueOf(int64(500000+i*7919)))
		price.Set(price.Descriptor().Fields().Get(1), protoreflect.ValueOf(int32(4)))
		set(4, int64(eventQuantity(i)))
		set(5, "SELL")
		set(6, "XNAS-PRIMARY")
		at := m.Mutable(fields.Get(7)).Message()
		at.Set(at.Descriptor().Fields().Get(0), protoreflect.ValueOf(int64(1705314600)))
		at.Set(at.Descriptor().Fields().Get(1), protoreflect.ValueOf(int32(123456000+i*1000)))
		if records[i], err = proto.Marshal(m); err != nil {
			t.Fatal(err)
		}
	}
	var cols []vec.Vec
	for _, c := range columns {
		cols = append(cols, vec.New(c.Type))
	}
	d, err := protobuf.NewDecoder(columns, protobuf.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	library, _ := perRecord(records[:], func(r []byte) error {
		m := dynamicpb.NewMessage(event)
		if err := proto.Unmarshal(r, m); err != nil {
			return err
		}
		for i := range fields.Len() {
			_ = m.Get(fields.Get(i))
		}
		return nil
	}, func() {})
	own, allocs := perRecord(records[:], d.Decode, func() {
		for _, c := range cols {
			c.Reset()
		}
		d.Bind(cols)
	})
	note := time.Duration(own).String() + " a record of " + strconv.Itoa(len(records[7])) + " bytes"
	return []bar{
		{name: "dynamicpb / Protobuf decode into columns", value: library / own, limit: 15, least: true, note: note},
		{name: "allocations of a batch of 1,024 Protobuf records", value: float64(allocs), limit: 0},
	}
}

// perRecord is how long decoding a record takes, in nanoseconds, and what decoding all
// of them allocates.
func perRecord(records [][]byte, decode func(record []byte) error, begin func()) (nanos float64, allocs int64) {
	var runs []float64
	for range 5 {
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				begin()
				for _, record := range records {
					if err := decode(record); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		allocs = r.AllocsPerOp()
		runs = append(runs, float64(r.NsPerOp())/float64(len(records)))
	}
	return Median(runs), allocs
}
