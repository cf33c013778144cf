package object

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is a compression format.
type Codec string

// Codecs. Auto takes the one that the path's extension names.
const (
	Auto Codec = "auto"
	None Codec = "none"
	Gzip Codec = "gzip"
	Zstd Codec = "zstd"
	// Snappy is its framing format, as files have it.
	Snappy Codec = "snappy"
	LZ4    Codec = "lz4"
)

// For resolves Auto by the path's extension.
func (c Codec) For(path string) Codec {
	if c != Auto {
		return c
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz", ".gzip":
		return Gzip
	case ".zst", ".zstd":
		return Zstd
	case ".sz", ".snappy":
		return Snappy
	case ".lz4":
		return LZ4
	}
	return None
}

// Reader returns what r holds decompressed, all frames of it. Closing it does
// not close r.
func (c Codec) Reader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("reading the gzip header: %w", err)
		}
		return z, nil
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20))
		if err != nil {
			return nil, fmt.Errorf("reading the zstd header: %w", err)
		}
		return z.IOReadCloser(), nil
	case Snappy:
		return io.NopCloser(snappy.NewReader(r)), nil
	case LZ4:
		return io.NopCloser(&lz4Frames{r: bufio.NewReader(r)}), nil
	}
	return io.NopCloser(r), nil
}

// Append appends data to dst as one complete frame of the codec.
func (c Codec) Append(dst, data []byte) ([]byte, error) {
	switch c {
	case Gzip:
		w := sliceWriter{dst}
		z := gzip.NewWriter(&w)
		if _, err := z.Write(data); err != nil {
			return dst, fmt.Errorf("compressing with gzip: %w", err)
		}
		if err := z.Close(); err != nil {
			return dst, fmt.Errorf("compressing with gzip: %w", err)
		}
		return w.b, nil
	case Zstd:
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return dst, fmt.Errorf("compressing with zstd: %w", err)
		}
		return z.EncodeAll(data, dst), nil
	case Snappy, LZ4:
		w := &sliceWriter{dst}
		var z io.WriteCloser = snappy.NewBufferedWriter(w)
		if c == LZ4 {
			z = lz4.NewWriter(w)
		}
		_, err := z.Write(data)
		if err = errors.Join(err, z.Close()); err != nil {
			return dst, fmt.Errorf("compressing with %s: %w", c, err)
		}
		return w.b, nil
	}
	return append(dst, data...), nil
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// lz4Frames reads one frame after the other.
type lz4Frames struct {
	r *bufio.Reader
	z *lz4.Reader
}

func (f *lz4Frames) Read(p []byte) (int, error) {
	for {
		if f.z == nil {
			if _, err := f.r.Peek(1); err != nil {
				return 0, err
			}
			f.z = lz4.NewReader(f.r)
		}
		n, err := f.z.Read(p)
		if n > 0 || err == nil {
			return n, nil // an error comes again
		}
		if !errors.Is(err, io.EOF) {
			return 0, err
		}
		f.z = nil
	}
}
