package types

import "github.com/cockroachdb/apd/v3"

// Decimal is one exact numeric: the signed 128-bit coefficient Hi:Lo (two's
// complement) times 10^-Scale. Wide, where it is not nil, holds the value
// instead: a coefficient over 128 bits, NaN, or an infinity; then Scale is
// still the display scale and Hi and Lo are zero. Scale is never negative, as
// PostgreSQL's dscale is not. Two Decimals that are equal may differ in Scale;
// Compare and Hash see the value, text output the scale.
type Decimal struct {
	Hi    int64
	Lo    uint64
	Scale int32
	Wide  *apd.Decimal
}
