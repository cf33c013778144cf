package http

// window knows the keys of the last records again, by their hashes.
type window struct {
	size int
	last []uint64 // the oldest first, from at
	at   int
	has  map[uint64]bool
}

func newWindow(size int, keys []uint64) *window {
	w := &window{size: size, has: make(map[uint64]bool, len(keys))}
	for _, k := range keys {
		w.add(k)
	}
	return w
}

// add notes a key; false: it is one of the last.
func (w *window) add(key uint64) bool {
	if w.has[key] {
		return false
	}
	w.has[key] = true
	if w.last = append(w.last, key); len(w.last)-w.at > w.size {
		delete(w.has, w.last[w.at])
		w.at++
	}
	if w.at > w.size { // what is forgotten is not held
		w.last, w.at = append([]uint64(nil), w.last[w.at:]...), 0
	}
	return true
}

// keys are the last, the oldest first.
func (w *window) keys() []uint64 { return w.last[w.at:] }
