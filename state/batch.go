package state

// Batch gathers the writes of one epoch. It copies keys and values into one
// buffer, which Reset keeps. A batch belongs to one goroutine; several may be
// given to one Prepare. A key may be in the batches of an epoch once.
type Batch struct {
	buf  []byte
	ends []extent
	err  error
}

type extent struct {
	key, value uint32 // lengths
	del        bool
}

// Set stores a value under a key. A key or value over the limits makes Prepare fail.
func (b *Batch) Set(sp Space, key, value []byte) { b.add(sp, key, value, false) }

// Delete removes a key, or does nothing where there is none.
func (b *Batch) Delete(sp Space, key []byte) { b.add(sp, key, nil, true) }

// Len is the number of writes.
func (b *Batch) Len() int { return len(b.ends) }

// Size is the bytes that the batch holds.
func (b *Batch) Size() int { return len(b.buf) }

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() { b.buf, b.ends, b.err = b.buf[:0], b.ends[:0], nil }

func (b *Batch) add(sp Space, key, value []byte, del bool) {
	if err := checkSize(key, value); err != nil && b.err == nil {
		b.err = err
	}
	// The job's ID is known only at Prepare, which makes the key whole.
	b.buf = appendSpace(b.buf, ID{}, sp)
	b.buf = append(append(b.buf, key...), value...)
	b.ends = append(b.ends, extent{uint32(prefixLen + len(key)), uint32(len(value)), del})
}

// entries are the writes under a job's ID at a version. They borrow the batch's
// memory.
func (b *Batch) entries(dst []entry, id ID, version uint64) []entry {
	buf := b.buf
	for _, x := range b.ends {
		key, value := buf[:x.key:x.key], buf[x.key:x.key+x.value:x.key+x.value]
		buf = buf[x.key+x.value:]
		copy(key[1:], id[:])
		dst = append(dst, entry{key: key, value: value, version: version, del: x.del})
	}
	return dst
}
