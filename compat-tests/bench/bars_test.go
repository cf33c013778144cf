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

var bars = flag.Bool("bars", false, "measure and hold the bars; needs the machine to itself")

// bar is one measured ratio and its limit.
type bar struct {
	name  string
	value float64
	limit float64
	least bool // limit is a least value, not a greatest
	note  string
}

func (b bar) met() bool {
	if b.least {
		return b.value >= b.limit
	}
	return b.value <= b.limit
}

// event is the 160-byte record of seven fields that the bars speak of.
type event struct {
	ID       int64   `json:"id"`
	Account  string  `json:"account"`
	Symbol   string  `json:"symbol"`
	Price    float64 `json:"price"`
	Quantity int64   `json:"quantity"`
	Side     string  `json:"side"`
	At       string  `json:"at"`
}

// eventLine writes record i; half of all records have quantity over 500.
func eventLine(dst []byte, i int) []byte {
	dst = fmt.Appendf(dst, `{"id":%d,"account":"ACC-%08d-%04d","symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","at":"2026-03-%02dT%02d:%02d:%02d.%03dZ"}`,
		1000000+i, i%99991, i%997, [...]string{"AAPL", "MSFT", "GOOG", "AMZN"}[i%4], 100+i%900, i%10000, 1+(i*7919)%1000,
		[...]string{"BUY", "SELL"}[i%2], 1+i%28, i%24, i%60, i/60%60, i%1000)
	return dst
}

// eventColumns declare the event as a stream.
const eventColumns = `(id bigint, account text, symbol text, price numeric, quantity bigint, side text, at timestamptz)`

// eventQuery keeps half of the rows, and five columns.
const eventQuery = `SELECT id, symbol, price, quantity, at FROM %s WHERE quantity > 500`

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
	base := decodeBaseline(t)
	t.Logf("encoding/json: %v for one event of %d bytes", base, len(eventLine(nil, 12345)))
	var all []bar
	for _, measure := range []func(*testing.T, time.Duration) []bar{decodeBars, kafkaBars, fileBars, generatorBars, selectBars, memoryBars, latencyBars} {
		all = append(all, measure(t, base)...)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bar\tmeasured\tlimit\t\t")
	for _, b := range all {
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
