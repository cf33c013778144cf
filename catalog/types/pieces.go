package types

import "unicode/utf8"

// PieceBytes is how much of a long text is worked on without a question whether the
// statement has ended: milliseconds' worth.
const PieceBytes = 1 << 20

// Piece is what s begins with, PieceBytes at most, to the end of a character.
func Piece[T string | []byte](s T) T {
	if len(s) <= PieceBytes {
		return s
	}
	n := PieceBytes
	for n > PieceBytes-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Pieces calls f with s, which may be long, piece by piece, until it returns an error. It
// gives up with the error of ended, which it asks between them; nil: nobody gives up.
func Pieces[T string | []byte](s T, ended func() error, f func(piece T) error) error {
	for ended != nil && len(s) > PieceBytes {
		piece := Piece(s)
		if err := f(piece); err != nil {
			return err
		}
		if err := ended(); err != nil {
			return err
		}
		s = s[len(piece):]
	}
	return f(s)
}

// pace asks whether a statement has ended each PieceBytes bytes of a long text.
type pace struct {
	ended func() error // nil: nobody gives up
	last  int          // where it was asked
}

// at is called wherever a reader of the text comes to.
func (p *pace) at(i int) error {
	if i-p.last < PieceBytes || p.ended == nil {
		return nil
	}
	p.last = i
	return p.ended()
}
