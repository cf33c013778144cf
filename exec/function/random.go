package function

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// Random is a session's source of random numbers. After Seed it gives those
// that PostgreSQL 16 gives after the same setseed: xoroshiro128** (Blackman and
// Vigna), its state filled by splitmix64. Before it they are unpredictable. It
// may be used by several goroutines. A query draws column by column: where it
// calls random() twice a row, the pairs are not PostgreSQL's.
type Random struct {
	mu     sync.Mutex
	s0, s1 uint64
	seeded bool
}

// Seed starts the sequence of a number from -1 to 1.
func (r *Random) Seed(f float64) {
	state := uint64(int64(float64(1<<52-1) * f))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.s0, r.s1, r.seeded = splitMix64(&state), splitMix64(&state), true
	if r.s0 == 0 && r.s1 == 0 {
		r.s0, r.s1 = 0x5851F42D4C957F2D, 0x14057B7EF767814F
	}
}

// Float64 is a number from 0 up to 1.
func (r *Random) Float64() float64 {
	if r == nil {
		return rand.Float64()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seeded {
		return rand.Float64()
	}
	s0, x := r.s0, r.s1^r.s0
	v := bits.RotateLeft64(s0*5, 7) * 9
	r.s0, r.s1 = bits.RotateLeft64(s0, 24)^x^x<<16, bits.RotateLeft64(x, 37)
	return math.Ldexp(float64(v>>12), -52)
}

// normal is a number of the normal distribution, by Box and Muller.
func (r *Random) normal() float64 {
	u1, u2 := 1-r.Float64(), 1-r.Float64()
	return math.Sqrt(-2*math.Log(u1)) * math.Sin(2*math.Pi*u2)
}

func splitMix64(state *uint64) uint64 {
	*state += 0x9E3779B97F4A7C15
	v := *state
	v = (v ^ v>>30) * 0xBF58476D1CE4E5B9
	v = (v ^ v>>27) * 0x94D049BB133111EB
	return v ^ v>>31
}

func init() {
	type vs = []types.Value
	define("random() float8 strict volatile", Definition{
		Value:    func(env *Env, _ vs) (types.Value, error) { return float8(env.Random.Float64()) },
		Examples: examples("random() between 0 and 0.9999999999999999", "t")})
	define("random_normal(optional mean float8 = 0, optional stddev float8 = 1) float8 strict volatile", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			mean, deviation := 0.0, 1.0
			if len(a) > 0 {
				mean = a[0].F
			}
			if len(a) > 1 {
				deviation = a[1].F
			}
			return float8(deviation*env.Random.normal() + mean)
		},
		Examples: examples("random_normal(5::float8, 0::float8)", "5", "random_normal() between -100 and 100", "t")})
	define("setseed(float8) void strict volatile", Definition{
		Value: func(env *Env, a vs) (types.Value, error) {
			f := a[0].F
			if !(f >= -1 && f <= 1) {
				return types.Value{}, sqlerr.Errorf(sqlerr.InvalidParameterValue, "setseed parameter %s is out of allowed range [-1,1]", strings.NewReplacer("+Inf", "Infinity", "-Inf", "-Infinity").Replace(strconv.FormatFloat(f, 'g', 6, 64)))
			}
			if env.Random == nil {
				return types.Value{}, sqlerr.Unsupported("Use hashes of columns: a job's random numbers have no order.", "setseed is not supported in a job")
			}
			env.Random.Seed(f)
			return types.NewString(types.Void, ""), nil
		},
		Examples: examples("setseed(0.5)", "", "setseed(1.5)", "ERROR 22023", "setseed('NaN')", "ERROR 22023")})
}
