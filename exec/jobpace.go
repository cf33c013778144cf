package exec

import (
	"sync/atomic"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

// What is known of the memory that a row of a job's streams comes to, and how it changes.
const (
	// firstRowBytes is what a row is taken to come to before any has come.
	firstRowBytes = 512
	// rowLess is how much less than that an epoch may say that it is, of what was known
	// before it, and rowMore how much more where it had few rows.
	rowLess, rowMore = 0.9, 2
	// tellingPart is which part an epoch has of the rows that it might have, or takes of the
	// room, where it says what a row comes to.
	tellingPart = 0.25
)

// epochPace says how many rows an epoch may read before its end is asked for, so that what
// the job's operators hold stays near their limit. What a row comes to is known when the
// epoch has ended, and not before: what an aggregate has of it goes on at the barrier alone,
// to operators that keep it too, and they to others. So it is what a row has come to in the
// epochs before, or a guess.
type epochPace struct {
	account *memory.Account
	coming  int64        // rows that come yet when the end of an epoch is asked for
	came    atomic.Int64 // rows of the epoch that runs
	most    atomic.Int64 // at which its end is asked for
	full    atomic.Bool  // it has been

	// The life's goroutine has these while the tasks stand still.
	began  int64 // what was held when the epoch began
	room   int64 // and what it might take
	perRow float64
}

func newEpochPace(a *memory.Account, tasks int) *epochPace {
	p := &epochPace{account: a, coming: int64(tasks+1) * vec.MaxRows, perRow: firstRowBytes}
	p.begin()
	return p
}

// read notes that a batch has been read; true: the epoch is to end. It says so again when
// a quarter more has come. Any task may call it.
func (p *epochPace) read(rows int) bool {
	came := p.came.Add(int64(rows))
	if came < p.most.Load() && p.account.Used() < p.began+p.room {
		return false
	}
	p.most.Store(came + came/4 + 1)
	p.full.Store(true)
	return true
}

// ended learns from an epoch that has ended, and begins the next. The tasks stand still.
func (p *epochPace) ended() {
	rows, grown := float64(p.came.Load()), float64(p.account.Crest()-p.began)
	switch came := max(grown/max(rows, 1), p.perRow*rowLess, 1); {
	case rows >= tellingPart*float64(p.room)/p.perRow:
		p.perRow = came
	case grown >= tellingPart*float64(p.room):
		p.perRow = min(came, p.perRow*rowMore) // of few rows, of which each other may come to less
	}
	p.begin()
}

func (p *epochPace) begin() {
	p.account.Crest()
	p.came.Store(0)
	p.full.Store(false)
	p.began, p.room = p.account.Used(), p.account.EpochRoom()
	p.most.Store(int64(float64(p.room)/p.perRow) - p.coming)
}
