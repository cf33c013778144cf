package avro

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/format/wire"
)

// A container file is a header (magic, a map with the schema and the codec, a
// marker of 16 bytes) and blocks: how many records, how many bytes, the records
// compressed together, the marker again.

// maxBlock is the longest block, compressed or not, that is read.
const maxBlock = 256 << 20

var magic = [4]byte{'O', 'b', 'j', 1}

// Header is the beginning of a container file.
type Header struct {
	Schema *Schema
	Codec  string // null, deflate, snappy or zstandard
	Sync   [16]byte
	Size   int // bytes that it takes
}

// ReadHeader reads a header at the beginning of b. more: b ends before it does.
func ReadHeader(b []byte) (h Header, more bool, err error) {
	if n := min(len(b), len(magic)); !bytes.Equal(b[:n], magic[:n]) {
		return h, false, containerError("it begins with the bytes %s, and not with Obj", head(b))
	}
	if len(b) < len(magic) {
		return h, true, nil
	}
	h.Codec = "null"
	i := len(magic)
	var text []byte
	for {
		n, next := wire.Varint(b, i)
		if next >= 0 && n < 0 {
			_, next = wire.Varint(b, next)
			n = -n
		}
		if next < 0 {
			return h, len(b) < maxSchema, containerError("its header does not end")
		}
		i = next
		if n == 0 {
			break
		}
		for range n {
			from, to := span(b, i)
			key := b[max(from, 0):max(to, 0)]
			if to >= 0 {
				from, to = span(b, to)
			}
			if to < 0 {
				return h, len(b) < maxSchema, containerError("its header does not end")
			}
			switch string(key) {
			case "avro.schema":
				text = b[from:to]
			case "avro.codec":
				h.Codec = string(b[from:to])
			}
			i = to
		}
	}
	if len(b) < i+16 {
		return h, true, nil
	}
	copy(h.Sync[:], b[i:])
	h.Size = i + 16
	switch h.Codec {
	case "null", "deflate", "snappy", "zstandard":
	default:
		return h, false, sqlerr.Unsupported("Write it with the codec null, deflate, snappy or zstandard.", "Avro codec %q is not supported", h.Codec)
	}
	h.Schema, err = Parse(string(text))
	return h, false, err
}

func containerError(format string, args ...any) error {
	return sqlerr.Errorf(sqlerr.DataCorrupted, "invalid Avro container file").WithDetail(format+".", args...)
}

// Block is one block of a container file.
type Block struct {
	Records int64
	Size    int    // bytes that it takes in the file
	Data    []byte // the records, decompressed
}

// Block reads the block at the beginning of b; its Data may be b's or into's. more: b
// ends before it does, and need is how long it is, 0 where that is not known.
func (h *Header) Block(b, into []byte) (out Block, more bool, need int, err error) {
	n, i := wire.Varint(b, 0)
	size, at := wire.Varint(b, i)
	if i < 0 || at < 0 {
		if len(b) >= 2*binary.MaxVarintLen64 {
			return out, false, 0, containerError("a block does not say how long it is")
		}
		return out, true, 0, nil
	}
	if n < 0 || size < 0 || size > maxBlock {
		return out, false, 0, containerError("a block says that it has %d records in %d bytes", n, size)
	}
	out = Block{Records: n, Size: at + int(size) + len(h.Sync)}
	if len(b) < out.Size {
		return out, true, out.Size, nil
	}
	if !bytes.Equal(b[out.Size-len(h.Sync):out.Size], h.Sync[:]) {
		return out, false, 0, containerError("the marker behind a block is not that of the file")
	}
	if out.Data, err = h.decompress(b[at:at+int(size)], into); err != nil {
		return out, false, 0, err
	}
	most := int64(maxEmpty)
	if least := h.Schema.root.least; least > 0 {
		most = int64(len(out.Data) / least)
	}
	if n > most {
		err = containerError("a block of %d bytes says that it has %d records", len(out.Data), n)
	}
	return out, false, 0, err
}

// What one byte may become at most: of snappy three bytes are a copy of 64, of
// zstandard four are a block of 128 KB. A length is not believed that is more, as
// room is made for it at once; deflate says none, and its room grows with it.
const (
	mostSnappy = 32
	mostZstd   = 32 << 10
)

func (h *Header) decompress(b, into []byte) ([]byte, error) {
	var err error
	switch h.Codec {
	case "deflate":
		r := flate.NewReader(bytes.NewReader(b))
		out := bytes.NewBuffer(into[:0])
		var n int64
		if n, err = io.Copy(out, io.LimitReader(r, maxBlock+1)); err == nil && n > maxBlock {
			return nil, containerError("a block is longer than %d bytes", maxBlock)
		}
		b = out.Bytes()
	case "snappy":
		if len(b) < 4 {
			return nil, containerError("a block has no checksum")
		}
		sum := binary.BigEndian.Uint32(b[len(b)-4:])
		b = b[:len(b)-4]
		n, e := snappy.DecodedLen(b)
		if e != nil || n > maxBlock {
			return nil, containerError("a block is not snappy, or longer than %d bytes", maxBlock)
		}
		if n > len(b)*mostSnappy {
			return nil, containerError("a block of %d bytes says that it is %d of them decompressed", len(b), n)
		}
		if b, err = snappy.Decode(into[:cap(into)], b); err == nil && crc32.ChecksumIEEE(b) != sum {
			return nil, containerError("a block's checksum is wrong")
		}
	case "zstandard":
		var head zstd.Header
		if head.Decode(b) == nil && head.HasFCS && head.FrameContentSize > uint64(len(b))*mostZstd {
			return nil, containerError("a block of %d bytes says that it is %d of them decompressed", len(b), head.FrameContentSize)
		}
		var d *zstd.Decoder
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock)); err == nil {
			b, err = d.DecodeAll(b, into[:0])
			d.Close()
		}
	}
	if err != nil {
		return nil, containerError("a block is no valid %s: %s", h.Codec, err)
	}
	return b, nil
}

// AppendHeader writes the header of a container file.
func AppendHeader(dst []byte, schema, codec string, sync [16]byte) []byte {
	dst = append(dst, magic[:]...)
	dst = appendVarint(dst, 2)
	dst = appendBytes(appendBytes(dst, "avro.schema"), schema)
	dst = appendBytes(appendBytes(dst, "avro.codec"), codec)
	return append(append(dst, 0), sync[:]...)
}

// AppendBlock writes a block of records that lie one after the other in data.
func (h *Header) AppendBlock(dst []byte, records int64, data []byte) ([]byte, error) {
	var err error
	switch h.Codec {
	case "deflate":
		var out bytes.Buffer
		w, e := flate.NewWriter(&out, flate.DefaultCompression)
		if err = e; err == nil {
			if _, err = w.Write(data); err == nil {
				err = w.Close()
			}
		}
		data = out.Bytes()
	case "snappy":
		sum := crc32.ChecksumIEEE(data)
		data = binary.BigEndian.AppendUint32(snappy.Encode(nil, data), sum)
	case "zstandard":
		var e *zstd.Encoder
		if e, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err == nil {
			data = e.EncodeAll(data, nil)
			err = e.Close()
		}
	}
	if err != nil {
		return dst, sqlerr.Errorf(sqlerr.InternalError, "compressing a block of an Avro file by %s: %w", h.Codec, err)
	}
	dst = appendBytes(appendVarint(dst, records), data)
	return append(dst, h.Sync[:]...), nil
}
