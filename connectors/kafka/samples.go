package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Sample is one of the topics that the development broker is fed with.
type Sample struct {
	Topic   string
	Columns string // of its stream, as CREATE STREAM takes them
	event   func(r *rand.Rand, n int64, at time.Time) (key string, value []byte)
}

// Samples are the topics of --dev. Their events are seeded: the n-th event of a
// topic is always the same, but for its time.
var Samples = []Sample{
	{"trades", "(trade_id bigint, symbol text, price numeric(18,4), quantity bigint, side text, at timestamptz)", trade},
	{"orders", "(order_id bigint, customer_id text, product text, quantity int, amount numeric(12,2), status text, at timestamptz)", order},
	{"clicks", "(user_id bigint, page text, referrer text, duration_ms int, at timestamptz)", click},
	{"sensors", "(device_id text, sensor_type text, reading numeric(8,2), unit text, battery int, at timestamptz)", sensor},
}

const sampleTime = "2006-01-02T15:04:05.000Z"

var symbols = [...]struct {
	name  string
	cents float64
}{{"AAPL", 18950}, {"MSFT", 41520}, {"GOOG", 17110}, {"AMZN", 18230}, {"NVDA", 92480}, {"TSLA", 17790}}

func trade(r *rand.Rand, n int64, at time.Time) (string, []byte) {
	s := symbols[r.IntN(len(symbols))]
	price := int64(s.cents * 100 * (1 + 0.02*r.NormFloat64()))
	return s.name, fmt.Appendf(nil, `{"trade_id":%d,"symbol":"%s","price":%d.%04d,"quantity":%d,"side":"%s","at":"%s"}`,
		n, s.name, price/10000, price%10000, 1+r.Int64N(500), pick(r, "BUY", "SELL"), at.Format(sampleTime))
}

func order(r *rand.Rand, n int64, at time.Time) (string, []byte) {
	customer := "C" + strconv.Itoa(1000+r.IntN(200))
	quantity := 1 + r.IntN(5)
	cents := int64(quantity) * (499 + r.Int64N(20000))
	return customer, fmt.Appendf(nil, `{"order_id":%d,"customer_id":"%s","product":"%s","quantity":%d,"amount":%d.%02d,"status":"%s","at":"%s"}`,
		n, customer, pick(r, "keyboard", "monitor", "cable", "lamp", "chair", "desk"), quantity, cents/100, cents%100,
		pick(r, "placed", "paid", "shipped", "cancelled"), at.Format(sampleTime))
}

func click(r *rand.Rand, _ int64, at time.Time) (string, []byte) {
	user := r.IntN(5000)
	referrer := "null"
	if r.IntN(3) > 0 {
		referrer = `"https://` + pick(r, "search.example", "news.example", "mail.example") + `/"`
	}
	return strconv.Itoa(user), fmt.Appendf(nil, `{"user_id":%d,"page":"%s","referrer":%s,"duration_ms":%d,"at":"%s"}`,
		user, pick(r, "/", "/products", "/cart", "/checkout", "/help"), referrer, int(200*r.ExpFloat64())+5, at.Format(sampleTime))
}

func sensor(r *rand.Rand, _ int64, at time.Time) (string, []byte) {
	device := fmt.Sprintf("device-%03d", r.IntN(50))
	kind := r.IntN(3)
	mean, spread, unit := [...]float64{21, 48, 1013}[kind], [...]float64{6, 12, 9}[kind], [...]string{"C", "%", "hPa"}[kind]
	cents := int64(100 * (mean + spread*r.NormFloat64()))
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return device, fmt.Appendf(nil, `{"device_id":"%s","sensor_type":"%s","reading":%s%d.%02d,"unit":"%s","battery":%d,"at":"%s"}`,
		device, [...]string{"TEMPERATURE", "HUMIDITY", "PRESSURE"}[kind], sign, cents/100, cents%100, unit, 20+r.IntN(81), at.Format(sampleTime))
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// SampleOptions say how much is fed.
type SampleOptions struct {
	History int // events a topic has at once; 0: 1,000
	Rate    int // events a second and topic from then on; 0: 20
}

// FeedSamples makes the sample topics and feeds them until ctx ends or stop is
// called; stop waits for the feeder. Topics that a broker has kept go on where they
// ended.
func FeedSamples(ctx context.Context, b *Broker, o SampleOptions) (stop func(), err error) {
	if o.History == 0 {
		o.History = 1000
	}
	if o.Rate == 0 {
		o.Rate = 20
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.ProducerLinger(0))
	if err != nil {
		return nil, fmt.Errorf("making a producer: %w", err)
	}
	f := &feeder{client: client, options: o}
	if err := f.history(ctx); err != nil {
		client.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { f.run(ctx) })
	return func() {
		cancel()
		running.Wait()
		client.Close()
	}, nil
}

type feeder struct {
	client  *kgo.Client
	options SampleOptions
	topics  []sampleTopic // as Samples
}

// sampleTopic is how far a topic is fed.
type sampleTopic struct {
	events int64 // that it holds
	random *rand.Rand
}

// history makes the topics and gives each that is empty the events of the minutes
// before.
func (f *feeder) history(ctx context.Context) error {
	admin := kadm.NewClient(f.client)
	for i, s := range Samples {
		_, err := admin.CreateTopic(ctx, 3, 1, nil, s.Topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("creating topic %s: %w", s.Topic, err)
		}
		ends, err := admin.ListEndOffsets(ctx, s.Topic)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return fmt.Errorf("reading where topic %s ends: %w", s.Topic, err)
		}
		t := sampleTopic{random: rand.New(rand.NewPCG(7, uint64(i)))}
		ends.Each(func(o kadm.ListedOffset) { t.skip(s, o.Offset) })
		f.topics = append(f.topics, t)
	}
	step := time.Second / time.Duration(f.options.Rate)
	begin := time.Now().UTC().Add(-step * time.Duration(f.options.History))
	for i := range f.topics {
		for n := range f.options.History - int(min(f.topics[i].events, int64(f.options.History))) {
			f.produce(ctx, i, begin.Add(step*time.Duration(n+1)))
		}
	}
	if err := f.client.Flush(ctx); err != nil {
		return fmt.Errorf("feeding sample topics: %w", err)
	}
	return nil
}

// skip makes up n events and forgets them.
func (t *sampleTopic) skip(s Sample, n int64) {
	for range n {
		t.events++
		s.event(t.random, t.events, time.Time{})
	}
}

func (f *feeder) run(ctx context.Context) {
	tick := time.NewTicker(time.Second / time.Duration(f.options.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-tick.C:
			for i := range Samples {
				f.produce(ctx, i, at.UTC())
			}
		}
	}
}

// produce adds one event to the i-th topic.
func (f *feeder) produce(ctx context.Context, i int, at time.Time) {
	t, s := &f.topics[i], Samples[i]
	t.events++
	key, value := s.event(t.random, t.events, at)
	f.client.Produce(ctx, &kgo.Record{Topic: s.Topic, Key: []byte(key), Value: value, Timestamp: at}, nil)
}
