package function

import (
	"strings"
	"unicode/utf8"

	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// pieceBytes is how much of a long value is worked on without a question whether the
// statement has ended.
const pieceBytes = types.PieceBytes

// pieces calls f with s, which may be long, piece by piece. Pieces end where
// characters do. It gives up where the statement has ended.
func pieces[T string | []byte](env *Env, s T, f func(piece T)) error {
	if len(s) <= pieceBytes {
		f(s)
		return nil
	}
	return types.Pieces(s, env.Ended, func(piece T) error {
		f(piece)
		return nil
	})
}

// endedAt is why the statement has to end, asked at each pieceBytes-th place of a value.
func endedAt(env *Env, at int) error {
	if at%pieceBytes != pieceBytes-1 {
		return nil
	}
	return env.Ended()
}

// trimLeft is s without the characters of set at its start.
func trimLeft(env *Env, s, set string) (string, error) {
	for {
		piece := types.Piece(s)
		rest := strings.TrimLeft(piece, set)
		s = s[len(piece)-len(rest):]
		if rest != "" || s == "" {
			return s, nil
		}
		if err := env.Ended(); err != nil {
			return "", err
		}
	}
}

// trimBoth is s without the characters of set at both ends.
func trimBoth(env *Env, s, set string) (string, error) {
	s, err := trimLeft(env, s, set)
	if err != nil {
		return "", err
	}
	return trimRight(env, s, set)
}

// trimRight is s without the characters of set at its end.
func trimRight(env *Env, s, set string) (string, error) {
	for {
		from := max(len(s)-pieceBytes, 0)
		for from > 0 && !utf8.RuneStart(s[from]) {
			from++
		}
		rest := strings.TrimRight(s[from:], set)
		s = s[:from+len(rest)]
		if rest != "" || s == "" {
			return s, nil
		}
		if err := env.Ended(); err != nil {
			return "", err
		}
	}
}

// builder makes a text of which nobody knows yet how long it will be: it gives up where
// that is more than a query may have, and where the statement has ended.
type builder struct {
	env  *Env
	out  []byte
	work int // since it was asked
}

// append appends to the text.
func (r *builder) append(s string) error {
	if err := r.fits(len(r.out) + len(s)); err != nil {
		return err
	}
	r.out = append(r.out, s...)
	return r.made(len(s))
}

// fits is the error of a text of n bytes.
func (r *builder) fits(n int) error {
	if limit := r.env.MemoryLimit; limit > 0 && int64(n) > limit {
		return OverLimit(n, int(limit))
	}
	if n > maxText {
		return tooLong()
	}
	return nil
}

// made is told how many bytes were appended.
func (r *builder) made(n int) error {
	if r.work += n + 16; r.work < pieceBytes {
		return nil
	}
	r.work = 0
	if err := r.fits(len(r.out)); err != nil {
		return err
	}
	return r.env.Ended()
}

// replaced is s with each old, which is not empty, made new.
func replaced(env *Env, s, old, new string) (types.Value, error) {
	if len(s) <= LongValue && len(new) <= LongValue {
		return text(strings.ReplaceAll(s, old, new))
	}
	r := builder{env: env}
	step := max(pieceBytes, len(old))
	for {
		i := strings.Index(s[:min(len(s), step+len(old))], old)
		if i < 0 && len(s) > step+len(old) {
			if err := r.append(s[:step]); err != nil {
				return types.Value{}, err
			}
			s = s[step:]
			continue
		}
		if i < 0 {
			err := r.append(s)
			return types.NewText(textOf(r.out)), err
		}
		if err := r.append(s[:i]); err != nil {
			return types.Value{}, err
		}
		if err := r.append(new); err != nil {
			return types.Value{}, err
		}
		s = s[i+len(old):]
	}
}
