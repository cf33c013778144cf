package function

import "unicode/utf8"

// pieceBytes is how much of a long value is worked on without a question whether the
// statement has ended: milliseconds' worth.
const pieceBytes = 1 << 20

// pieces calls f with s, which may be long, piece by piece. Pieces end where
// characters do. It gives up where the statement has ended.
func pieces[T string | []byte](env *Env, s T, f func(piece T)) error {
	for len(s) > pieceBytes {
		n := pieceBytes
		for n > pieceBytes-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		f(s[:n])
		if err := env.Ended(); err != nil {
			return err
		}
		s = s[n:]
	}
	f(s)
	return nil
}
