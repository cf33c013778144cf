package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

var (
	bars = flag.Bool("bars", false, "measure and hold the bars; needs the machine to itself")
	only = flag.String("only", "", "measure only these groups: decode, formats, kafka, file, generator, select, memory, latency, aggregate, join, decimal, kernels, queries, planning, tpch, tables, stream, state, restart, stall, idle, views, systems")
)

// bar is one measured ratio and its limit.
type bar struct {
	name  string
	value float64
	limit float64
	least bool // limit is a least value, not a greatest
	note  string
	// failed: nothing was measured, and the log says why.
	failed bool
}

func (b bar) met() bool {
	if b.least {
		return b.value >= b.limit
	}
	return b.value <= b.limit
}

// event is the 160-byte record of seven fields that the bars speak of.
type event struct {
	OrderID    int64     `json:"order_id"`
	CustomerID string    `json:"customer_id"`
	Symbol     string    `json:"symbol"`
	Price      float64   `json:"price"`
	Quantity   int64     `json:"quantity"`
	Side       string    `json:"side"`
	EventTime  time.Time `json:"event_time"`
}

// eventLine writes record i.
func eventLine(dst []byte, i int) []byte {
	return fmt.Appendf(dst, `{"order_id":%d,"customer_id":"customer-%06d","symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","event_time":"2024-01-15T10:%02d:%02d.%06dZ"}`,
		1000000000+i, i*37%100000, [...]string{"AAPL", "MSFT", "GOOGL", "F", "BRK.A"}[i%5], 50+i%300, i*7919%10000, eventQuantity(i),
		[...]string{"BUY", "SELL"}[i%2], i/60%60, i%60, i*7%1000000)
}

// eventQuantity is over 500 for half of the records.
func eventQuantity(i int) int { return 1 + i*7919%1000 }

// eventColumns declare the event as a stream.
const eventColumns = `(order_id bigint, customer_id text, symbol text, price numeric(18,4), quantity bigint, side text, event_time timestamptz)`

// eventQuery keeps half of the rows, and five columns.
const eventQuery = `SELECT order_id, symbol, price, quantity, event_time FROM %s WHERE quantity > 500`

// decodeBaseline is encoding/json's time for one event into a typed struct.
func decodeBaseline(t *testing.T) time.Duration {
	t.Helper()
	line := eventLine(nil, 12345)
	var runs []float64
	for range 5 {
		r := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				var e event
				if err := json.Unmarshal(line, &e); err != nil {
					b.Fatal(err)
				}
			}
		})
		runs = append(runs, float64(r.NsPerOp()))
	}
	return time.Duration(Median(runs))
}

func TestBars(t *testing.T) {
	if !*bars {
		t.Skip("make bench measures the bars")
	}
	wanted := map[string]bool{}
	for _, name := range strings.Split(*only, ",") {
		wanted[name] = true
	}
	base := decodeBaseline(t)
	t.Logf("encoding/json: %v for one event of %d bytes", base, len(eventLine(nil, 12345)))
	var all []bar
	for _, group := range []struct {
		name    string
		measure func(*testing.T, time.Duration) []bar
	}{
		{"decode", decodeBars}, {"formats", func(t *testing.T, d time.Duration) []bar { return append(formatsBars(t, d), protobufBars(t, d)...) }}, {"kafka", kafkaBars}, {"file", fileBars}, {"generator", generatorBars},
		{"select", selectBars}, {"memory", memoryBars}, {"latency", latencyBars},
		{"aggregate", aggregateBars}, {"join", joinBars}, {"decimal", decimalBars}, {"kernels", kernelBars}, {"queries", queriesBars},
		{"planning", planningBars}, {"tpch", tpchBars}, {"tables", tablesBars}, {"stream", streamBars}, {"state", stateBars}, {"join state", joinStateBars},
		{"restart", restartBars}, {"stall", stallBars}, {"idle", idleBars}, {"views", viewBars}, {"clients", clientsBars}, {"systems", systemsBars},
	} {
		if *only == "" || wanted[group.name] {
			// One that fails does not end the others.
			if !t.Run(group.name, func(t *testing.T) { all = append(all, group.measure(t, base)...) }) {
				all = append(all, bar{name: "group " + group.name, failed: true})
			}
		}
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bar\tmeasured\tlimit\t\t")
	for _, b := range all {
		if b.failed {
			t.Errorf("%s could not be measured", b.name)
			fmt.Fprintf(w, "%s\t\t\tFAILED\t\n", b.name)
			continue
		}
		sign, verdict := "at most", "ok"
		if b.least {
			sign = "at least"
		}
		if !b.met() {
			verdict = "MISSED"
			t.Errorf("%s: %.3g, %s %.3g", b.name, b.value, sign, b.limit)
		}
		fmt.Fprintf(w, "%s\t%.3g\t%s %.3g\t%s\t%s\n", b.name, b.value, sign, b.limit, verdict, b.note)
	}
	w.Flush()
	fmt.Fprint(os.Stdout, table.String())
}
