package state

// Batch gathers the writes of one epoch. It copies keys and values into one
// buffer, which Reset keeps. A batch belongs to one goroutine; several may be
// given to one Prepare. A key may be in the batches of an epoch once.
type Batch struct {
	chunks [][]byte // each write lies whole in one
	ends   []extent
	size   int
	err    error
}

type extent struct {
	key, value uint32 // lengths
	del        bool
	first      bool // of a chunk
}

// A batch's memory comes in chunks, since an epoch may write hundreds of megabytes,
// which one growing array would copy again and again.
const (
	firstChunk = 1 << 10
	mostChunk  = 1 << 20
)

// Set stores a value under a key. A key or value over the limits makes Prepare fail.
func (b *Batch) Set(sp Space, key, value []byte) { b.add(sp, key, value, false) }

// Delete removes a key, or does nothing where there is none.
func (b *Batch) Delete(sp Space, key []byte) { b.add(sp, key, nil, true) }

// Len is the number of writes.
func (b *Batch) Len() int { return len(b.ends) }

// Size is the bytes that the batch holds.
func (b *Batch) Size() int { return b.size }

// Reset empties the batch and keeps a chunk of its memory.
func (b *Batch) Reset() {
	if len(b.chunks) > 0 {
		b.chunks = append(b.chunks[:0], b.chunks[len(b.chunks)-1][:0])
	}
	b.ends, b.size, b.err = b.ends[:0], 0, nil
}

func (b *Batch) add(sp Space, key, value []byte, del bool) {
	if err := checkSize(key, value); err != nil && b.err == nil {
		b.err = err
	}
	// The job's ID is known only at Prepare, which makes the key whole.
	n := prefixLen + len(key) + len(value)
	chunk, first := b.room(n)
	*chunk = append(append(appendSpace(*chunk, ID{}, sp), key...), value...)
	b.ends = append(b.ends, extent{uint32(prefixLen + len(key)), uint32(len(value)), del, first})
	b.size += n
}

// room is a chunk that has room for n bytes; first: it is empty.
func (b *Batch) room(n int) (chunk *[]byte, first bool) {
	size := firstChunk
	if last := len(b.chunks) - 1; last >= 0 {
		chunk = &b.chunks[last]
		if cap(*chunk)-len(*chunk) >= n {
			return chunk, len(*chunk) == 0
		}
		size = min(2*cap(*chunk), mostChunk)
	}
	if chunk != nil && len(*chunk) == 0 {
		*chunk = make([]byte, 0, max(n, size))
	} else {
		b.chunks = append(b.chunks, make([]byte, 0, max(n, size)))
	}
	return &b.chunks[len(b.chunks)-1], true
}

// entries are the writes under a job's ID at a version. They borrow the batch's
// memory.
func (b *Batch) entries(dst []entry, id ID, version uint64) []entry {
	var buf []byte
	chunks := b.chunks
	for _, x := range b.ends {
		if x.first {
			buf, chunks = chunks[0], chunks[1:]
		}
		key, value := buf[:x.key:x.key], buf[x.key:x.key+x.value:x.key+x.value]
		buf = buf[x.key+x.value:]
		copy(key[1:], id[:])
		dst = append(dst, entry{key: key, value: value, version: version, del: x.del})
	}
	return dst
}
