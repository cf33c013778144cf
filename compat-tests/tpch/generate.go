package tpch

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Rows at scale factor 1.
const (
	supplierRows = 10_000
	partRows     = 200_000
	customerRows = 150_000
	orderRows    = 1_500_000
)

var (
	firstOrder = time.Date(1992, 1, 1, 0, 0, 0, 0, time.UTC)
	today      = time.Date(1995, 6, 17, 0, 0, 0, 0, time.UTC)
)

// orderDays is how many days orders come on: the last leaves room for shipping
// before 1999.
const orderDays = 2405

// Generate writes the eight tables as <table>.csv into dir. The same scale
// gives the same bytes.
func Generate(dir string, scale float64) error {
	g := &generator{
		suppliers: scaled(supplierRows, scale),
		parts:     scaled(partRows, scale),
		customers: scaled(customerRows, scale),
		orders:    scaled(orderRows, scale),
	}
	for _, t := range []struct {
		names []string
		write func(w ...*writer)
	}{
		{[]string{"region"}, g.region},
		{[]string{"nation"}, g.nation},
		{[]string{"supplier"}, g.supplier},
		{[]string{"part"}, g.part},
		{[]string{"partsupp"}, g.partsupp},
		{[]string{"customer"}, g.customer},
		{[]string{"orders", "lineitem"}, g.order},
	} {
		if err := g.files(dir, t.names, t.write); err != nil {
			return err
		}
	}
	return nil
}

func scaled(n int, scale float64) int { return max(1, int(float64(n)*scale)) }

type generator struct {
	suppliers, parts, customers, orders int

	rand *rand.Rand
	text []byte
}

// files writes tables that are generated together. Each group has a sequence of
// random numbers of its own.
func (g *generator) files(dir string, names []string, write func(w ...*writer)) error {
	var out []*writer
	for _, name := range names {
		f, err := os.Create(filepath.Join(dir, name+".csv"))
		if err != nil {
			return fmt.Errorf("writing table %s: %w", name, err)
		}
		defer f.Close()
		out = append(out, &writer{file: f, w: bufio.NewWriterSize(f, 1<<20)})
	}
	seed := uint64(1992)
	for _, c := range names[0] {
		seed = seed*31 + uint64(c)
	}
	g.rand = rand.New(rand.NewPCG(seed, 22))
	write(out...)
	for i, w := range out {
		if err := w.close(); err != nil {
			return fmt.Errorf("writing table %s: %w", names[i], err)
		}
	}
	return nil
}

// writer writes CSV; its first error stays until close.
type writer struct {
	file *os.File
	w    *bufio.Writer
	line []byte
	err  error
}

func (w *writer) row() {
	w.line[len(w.line)-1] = '\n'
	if _, err := w.w.Write(w.line); err != nil && w.err == nil {
		w.err = err
	}
	w.line = w.line[:0]
}

func (w *writer) close() error {
	if err := w.w.Flush(); err != nil && w.err == nil {
		w.err = err
	}
	if err := w.file.Close(); err != nil && w.err == nil {
		w.err = err
	}
	return w.err
}

func (w *writer) integer(n int) { w.line = append(strconv.AppendInt(w.line, int64(n), 10), ',') }

// cents writes an amount of money.
func (w *writer) cents(n int) {
	if n < 0 {
		w.line, n = append(w.line, '-'), -n
	}
	w.line = fmt.Appendf(w.line, "%d.%02d,", n/100, n%100)
}

// string writes a value without commas and quotes, which none here has.
func (w *writer) string(s string) { w.line = append(append(w.line, s...), ',') }

func (w *writer) date(day int) {
	w.line = append(firstOrder.AddDate(0, 0, day).AppendFormat(w.line, time.DateOnly), ',')
}

// between is a number of [low, high].
func (g *generator) between(low, high int) int { return low + g.rand.IntN(high-low+1) }

func (g *generator) pick(list []string) string { return list[g.rand.IntN(len(list))] }

// comment is text of short sentences, at most most bytes long.
func (g *generator) comment(least, most int) string {
	n := g.between(least, most)
	g.text = g.text[:0]
	for len(g.text) < n {
		for _, list := range [][]string{adverbs, adjectives, nouns, verbs, prepositions, adjectives, nouns} {
			if g.rand.IntN(8) == 0 {
				continue
			}
			g.text = append(append(g.text, g.pick(list)...), ' ')
		}
	}
	return string(g.text[:n])
}

const addressBytes = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ."

func (g *generator) address() string {
	g.text = g.text[:0]
	for range g.between(10, 40) {
		g.text = append(g.text, addressBytes[g.rand.IntN(len(addressBytes))])
	}
	return string(g.text)
}

func (g *generator) phone(nation int) string {
	return fmt.Sprintf("%d-%03d-%03d-%04d", nation+10, g.between(100, 999), g.between(100, 999), g.between(1000, 9999))
}
