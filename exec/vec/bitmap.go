package vec

import "math/bits"

// Bitmap is a set of row numbers. The zero value is empty, and rows beyond its
// words are not in it.
type Bitmap struct {
	words []uint64
	any   bool
}

// Any reports whether a row may be in the set; false is certain.
func (m *Bitmap) Any() bool { return m.any }

// Get reports whether row i is in the set.
func (m *Bitmap) Get(i int) bool {
	w := i >> 6
	return w < len(m.words) && m.words[w]>>(uint(i)&63)&1 != 0
}

// Set adds row i.
func (m *Bitmap) Set(i int) {
	for len(m.words) <= i>>6 {
		m.words = append(m.words, 0)
	}
	m.words[i>>6] |= 1 << (uint(i) & 63)
	m.any = true
}

// Clear removes row i.
func (m *Bitmap) Clear(i int) {
	if w := i >> 6; w < len(m.words) {
		m.words[w] &^= 1 << (uint(i) & 63)
	}
}

// Reset empties the set, keeping its buffer.
func (m *Bitmap) Reset() { m.words, m.any = m.words[:0], false }

// Or adds every row of o.
func (m *Bitmap) Or(o *Bitmap) {
	if !o.any {
		return
	}
	for len(m.words) < len(o.words) {
		m.words = append(m.words, 0)
	}
	for i, w := range o.words {
		m.words[i] |= w
	}
	m.any = true
}

// CopyFrom makes m equal to o.
func (m *Bitmap) CopyFrom(o *Bitmap) {
	m.words = append(m.words[:0], o.words...)
	m.any = o.any
}

// Count is the number of rows in the set.
func (m *Bitmap) Count() int {
	n := 0
	for _, w := range m.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Rows yields the rows of the set, ascending.
func (m *Bitmap) Rows(yield func(int) bool) {
	for w, word := range m.words {
		for word != 0 {
			if !yield(w<<6 + bits.TrailingZeros64(word)) {
				return
			}
			word &= word - 1
		}
	}
}

// SetAll adds rows 0 to n-1.
func (m *Bitmap) SetAll(n int) {
	if n == 0 {
		return
	}
	for len(m.words) < (n+63)>>6 {
		m.words = append(m.words, 0)
	}
	for w := range n >> 6 {
		m.words[w] = ^uint64(0)
	}
	if n&63 != 0 {
		m.words[n>>6] |= 1<<(uint(n)&63) - 1
	}
	m.any = true
}
