package parquet

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// Codec is how pages are compressed, as the format numbers it.
type Codec int32

// Codecs that are written.
const (
	Uncompressed Codec = 0
	Snappy       Codec = 1
	Gzip         Codec = 2
	Zstd         Codec = 6
	LZ4          Codec = 7 // LZ4_RAW
)

const (
	codecLZO    = 3
	codecBrotli = 4
	codecHadoop = 5 // LZ4 in frames of Hadoop's
)

// maxPage is the longest page, compressed or not, that is read.
const maxPage = 256 << 20

// What one byte of a page may become at most: a length that says more is not believed,
// as room is made for it at once. Of snappy three bytes are a copy of 64, of LZ4 one
// more byte of length is 255, of zstandard four bytes are a block of 128 KB.
const (
	mostSnappy = 32
	mostLZ4    = 256
	mostZstd   = 32 << 10
)

// packer compresses and decompresses pages; its owner's alone.
type packer struct {
	zstdRead  *zstd.Decoder
	zstdWrite *zstd.Encoder
	gzip      *gzip.Reader
}

func (p *packer) close() {
	if p.zstdRead != nil {
		p.zstdRead.Close()
		p.zstdRead = nil
	}
}

// unpack decompresses a page that says how long it is then.
func (p *packer) unpack(codec int32, b, into []byte, size int) ([]byte, error) {
	if size > maxPage {
		return nil, sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "a page of a Parquet file is %d bytes long, and %d are read", size, maxPage)
	}
	lie := func(most int) bool { return size > len(b)*most+64 }
	var err error
	var out []byte
	switch codec {
	case int32(Uncompressed):
		out = b
	case int32(Snappy):
		n, e := snappy.DecodedLen(b)
		if e != nil || n != size || lie(mostSnappy) {
			return nil, corrupt("a page is no valid snappy of %d bytes", size)
		}
		out, err = snappy.Decode(room(into, size), b)
	case int32(Gzip):
		if p.gzip == nil {
			p.gzip = new(gzip.Reader)
		}
		if err = p.gzip.Reset(bytes.NewReader(b)); err == nil {
			w := bytes.NewBuffer(into[:0])
			_, err = io.Copy(w, io.LimitReader(p.gzip, int64(size)+1))
			out = w.Bytes()
		}
	case int32(Zstd):
		if lie(mostZstd) {
			return nil, corrupt("a page of %d bytes says that it is %d of them decompressed", len(b), size)
		}
		if p.zstdRead == nil {
			p.zstdRead, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
		}
		if err == nil {
			out, err = p.zstdRead.DecodeAll(b, room(into, size)[:0])
		}
	case int32(LZ4):
		if lie(mostLZ4) {
			return nil, corrupt("a page of %d bytes says that it is %d of them decompressed", len(b), size)
		}
		out = room(into, size)
		var n int
		n, err = lz4.UncompressBlock(b, out)
		out = out[:max(n, 0)]
	case codecHadoop:
		if lie(mostLZ4) {
			return nil, corrupt("a page of %d bytes says that it is %d of them decompressed", len(b), size)
		}
		out, err = hadoopLZ4(b, room(into, size))
	default:
		name := map[int32]string{codecLZO: "LZO", codecBrotli: "Brotli"}[codec]
		return nil, sqlerr.Unsupported("Write it with snappy, gzip, zstd, lz4 or no compression.", "Parquet compression %d %s is not supported", codec, name)
	}
	if err != nil || len(out) != size {
		return nil, corrupt("a page does not decompress to its %d bytes: %v", size, err)
	}
	return out, nil
}

// room is n bytes, those of into where it has them.
func room(into []byte, n int) []byte {
	if cap(into) < n {
		return make([]byte, n)
	}
	return into[:n]
}

// hadoopLZ4 reads LZ4 as Hadoop framed it, and as those wrote it who did not know.
func hadoopLZ4(b, out []byte) ([]byte, error) {
	at := 0
	for rest := b; len(rest) > 8; {
		size := int(rest[0])<<24 | int(rest[1])<<16 | int(rest[2])<<8 | int(rest[3])
		packed := int(rest[4])<<24 | int(rest[5])<<16 | int(rest[6])<<8 | int(rest[7])
		if size < 0 || packed < 0 || packed > len(rest)-8 || size > len(out)-at {
			break
		}
		n, err := lz4.UncompressBlock(rest[8:8+packed], out[at:at+size])
		if err != nil || n != size {
			break
		}
		at += n
		if rest = rest[8+packed:]; len(rest) == 0 && at == len(out) {
			return out, nil
		}
	}
	n, err := lz4.UncompressBlock(b, out)
	return out[:max(n, 0)], err
}

// pack compresses a page behind dst.
func (p *packer) pack(codec Codec, dst, b []byte) ([]byte, error) {
	switch codec {
	case Snappy:
		return append(dst, snappy.Encode(nil, b)...), nil
	case Gzip:
		w := bytes.NewBuffer(dst)
		z := gzip.NewWriter(w)
		_, err := z.Write(b)
		if e := z.Close(); err == nil {
			err = e
		}
		return w.Bytes(), err
	case Zstd:
		if p.zstdWrite == nil {
			var err error
			if p.zstdWrite, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
				return dst, err
			}
		}
		return p.zstdWrite.EncodeAll(b, dst), nil
	case LZ4:
		at := len(dst)
		dst = append(dst, make([]byte, lz4.CompressBlockBound(len(b)))...)
		var c lz4.Compressor
		n, err := c.CompressBlock(b, dst[at:])
		return dst[:at+n], err
	}
	return append(dst, b...), nil
}
