package file

import (
	"strings"

	"github.com/ferrisstreams/ferrisstreams/connectors/object"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// Measure tells bytes. The end is a file's size now, where that counts as the place does:
// not of one that is compressed, or in another encoding, or elsewhere.
func (s *source) Measure(split stream.Split, at stream.Offset) (place, end int64, ok bool) {
	if s.config.contained() || s.config.format == formatParquet {
		return 0, -1, false
	}
	p, err := decodePosition(split, at)
	if err != nil {
		return 0, -1, false
	}
	path := string(split)
	if s.tracked() {
		path, _, _ = strings.Cut(path, "#")
	}
	_, local := s.config.store.(object.Local)
	if !local || s.config.charset != nil || s.config.codec.For(path) != object.None {
		return p.offset, -1, true
	}
	if path, err = s.config.store.Resolve(path); err != nil {
		return p.offset, -1, true
	}
	id, size, err := stat(path)
	if err != nil || id != p.id {
		return p.offset, -1, true // it was renamed or replaced
	}
	return p.offset, size, true
}
