// Package nexmark has the Nexmark benchmark: a seeded generator of its auction
// site's events, its queries in this product's SQL, and the answers of PostgreSQL 16.
package nexmark

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// Of fifty events one is a person, three are auctions and the rest bids.
const (
	personShare  = 1
	auctionShare = 3
	allShares    = 50

	firstID       = 1000
	firstCategory = 10
	categories    = 5
	disorder      = 1000 // events whose times are shuffled among each other
)

// Kind is what an event tells of.
type Kind uint8

// Kinds.
const (
	Person Kind = iota
	Auction
	Bid
)

// Streams are the names of the kinds.
var Streams = [...]string{"person", "auction", "bid"}

// Columns declare the kinds.
var Columns = [...]string{
	"id bigint, name text, email text, credit_card text, city text, state text, date_time timestamptz, extra text",
	"id bigint, item_name text, description text, initial_bid bigint, reserve bigint, date_time timestamptz, expires timestamptz, seller bigint, category bigint, extra text",
	"auction bigint, bidder bigint, price bigint, channel text, url text, date_time timestamptz, extra text",
}

// Generator makes events, a thousand for each second of event time, no two of one
// instant, and at most a second out of order.
type Generator struct {
	rng   *rand.Rand
	n     int
	times []int // of the events of this block, in milliseconds
}

// NewGenerator returns a Generator; of one seed the events are the same.
func NewGenerator(seed uint64) *Generator {
	return &Generator{rng: rand.New(rand.NewPCG(seed, 46))}
}

// Begin is the time of the first events.
var Begin = time.Date(2026, 1, 1, 23, 59, 30, 0, time.UTC)

// Next appends the next event's JSON to dst.
func (g *Generator) Next(dst []byte) (Kind, []byte) {
	n := g.n
	g.n++
	if n%disorder == 0 {
		g.times = g.rng.Perm(disorder)
	}
	at := Begin.Add(time.Duration(n/disorder*disorder+g.times[n%disorder]) * time.Millisecond)
	switch r := n % allShares; {
	case r < personShare:
		return Person, g.person(dst, n, at)
	case r < personShare+auctionShare:
		return Auction, g.auction(dst, n, at)
	}
	return Bid, g.bid(dst, n, at)
}

// persons and auctions are how many there are before event n.
func persons(n int) int { return n/allShares*personShare + min(n%allShares, personShare) }

func auctions(n int) int {
	return n/allShares*auctionShare + min(max(n%allShares-personShare, 0), auctionShare)
}

var (
	firstNames = []string{"Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"}
	lastNames  = []string{"Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"}
	states     = []string{"AZ", "CA", "ID", "OR", "WA", "WY"}
	cities     = []string{"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne"}
	channels   = []string{"Google", "Facebook", "Baidu", "Apple"}
)

func (g *Generator) pick(all []string) string { return all[g.rng.IntN(len(all))] }

// text is a word of small letters, escaped where JSON asks for it: nowhere.
func (g *Generator) text(dst []byte, most int) []byte {
	for range 3 + g.rng.IntN(most-2) {
		dst = append(dst, byte('a'+g.rng.IntN(26)))
	}
	return dst
}

func (g *Generator) price() int64 { return int64(math.Round(math.Pow(10, g.rng.Float64()*6) * 100)) }

const layout = "2006-01-02T15:04:05.000Z"

func (g *Generator) person(dst []byte, n int, at time.Time) []byte {
	first, last := g.pick(firstNames), g.pick(lastNames)
	dst = fmt.Appendf(dst, `{"id":%d,"name":"%s %s","email":"%s@%s.com","credit_card":"%04d %04d %04d %04d","city":"%s","state":"%s","date_time":"%s","extra":"`,
		firstID+persons(n), first, last, first, last, g.rng.IntN(10000), g.rng.IntN(10000), g.rng.IntN(10000), g.rng.IntN(10000), g.pick(cities), g.pick(states), at.Format(layout))
	return append(g.text(dst, 20), `"}`...)
}

// hot is one of the newest few, but for one time in ratio, when it is any of the
// last hundred.
func (g *Generator) recent(all, few, ratio int) int {
	if all == 0 {
		return firstID
	}
	if g.rng.IntN(ratio) > 0 {
		return firstID + (all-1)/few*few
	}
	return firstID + all - 1 - g.rng.IntN(min(all, 100))
}

func (g *Generator) auction(dst []byte, n int, at time.Time) []byte {
	initial := g.price()
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, int64(firstID+auctions(n)), 10)
	dst = g.text(append(dst, `,"item_name":"`...), 15)
	dst = g.text(append(dst, `","description":"`...), 40)
	dst = fmt.Appendf(dst, `","initial_bid":%d,"reserve":%d,"date_time":"%s","expires":"%s","seller":%d,"category":%d,"extra":"`,
		initial, initial+g.price(), at.Format(layout), at.Add(time.Duration(500+g.rng.IntN(5000))*time.Millisecond).Format(layout),
		g.recent(persons(n), 100, 4), firstCategory+g.rng.IntN(categories))
	return append(g.text(dst, 20), `"}`...)
}

func (g *Generator) bid(dst []byte, n int, at time.Time) []byte {
	channel, url := g.pick(channels), ""
	if g.rng.IntN(2) == 0 {
		id := g.rng.IntN(10000)
		channel, url = fmt.Sprintf("channel-%d", id), fmt.Sprintf("&channel_id=%d", id)
	}
	dst = fmt.Appendf(dst, `{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/`,
		g.recent(auctions(n), 100, 2), g.recent(persons(n), 100, 4), g.price(), channel)
	for i := range 3 {
		if i > 0 {
			dst = append(dst, '/')
		}
		dst = g.text(dst, 6)
	}
	dst = append(append(append(dst, "/item.htm?query=1"...), url...), `","date_time":"`...)
	dst = append(at.AppendFormat(dst, layout), `","extra":"`...)
	return append(g.text(dst, 30), `"}`...)
}
