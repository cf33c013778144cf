package object

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Codec is a compression format.
type Codec string

// Codecs. Auto takes the one that the path's extension names.
const (
	Auto Codec = "auto"
	None Codec = "none"
	Gzip Codec = "gzip"
	Zstd Codec = "zstd"
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
	}
	return append(dst, data...), nil
}

type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
