package avro

import "github.com/ferrisstreams/ferrisstreams/connectors/format/wire"

// skip returns the index after a value, -1 where it does not end within b.
func (d *Decoder) skip(n *node, b []byte, i, depth int) int {
	if depth > maxDepth || i < 0 {
		return -1
	}
	if n.empty {
		return i // what is in it may be without end
	}
	switch n.kind {
	case kindInt, kindLong:
		_, i = wire.Uvarint(b, i)
	case kindEnum:
		_, i = wire.Uvarint(b, i)
	case kindBool:
		i++
	case kindFloat:
		i += 4
	case kindDouble:
		i += 8
	case kindFixed:
		i += n.size
	case kindBytes, kindString:
		_, i = span(b, i)
	case kindUnion:
		branch, next := wire.Varint(b, i)
		if next < 0 || branch < 0 || branch >= int64(len(n.branches)) {
			return -1
		}
		return d.skip(n.branches[branch], b, next, depth+1)
	case kindRecord:
		for _, t := range n.taking {
			if i = d.skip(t, b, i, depth+1); i < 0 {
				return -1
			}
		}
	case kindArray, kindMap:
		return d.skipItems(n, b, i, depth)
	}
	if i > len(b) {
		return -1
	}
	return i
}

// skipItems passes over blocks: those that say how long they are at once.
func (d *Decoder) skipItems(n *node, b []byte, i, depth int) int {
	least := n.items.least
	if n.kind == kindMap {
		least++
	}
	for {
		if count, next := wire.Varint(b, i); next > 0 && count < 0 {
			size, next := wire.Varint(b, next)
			if next < 0 || size < 0 || size > int64(len(b)-next) {
				return -1
			}
			i = next + int(size)
			continue
		}
		var count int64
		empties := d.empties
		d.empties = 0
		count, i = d.block(b, i, least)
		d.empties = empties // passing over them costs nothing
		if i < 0 || count == 0 {
			return i
		}
		if n.kind == kindArray && n.items.empty {
			continue
		}
		for range count {
			if n.kind == kindMap {
				if _, i = span(b, i); i < 0 {
					return -1
				}
			}
			if i = d.skip(n.items, b, i, depth+1); i < 0 {
				return -1
			}
		}
	}
}
