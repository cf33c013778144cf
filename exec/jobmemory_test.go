package exec

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

func textBatch(megabytes int) *vec.Batch {
	b := vec.NewBatch([]types.Type{types.Of(types.Text)})
	vec.Append(b.Cols[0], types.NewText(strings.Repeat("x", megabytes<<20)))
	b.Rows = 1
	return b
}

func TestJobMemoryWarnsOnce(t *testing.T) {
	var got []string
	m := newJobMemory(4<<20, func(text string) { got = append(got, text) })
	a, b := textBatch(3), textBatch(3)
	m.hold(a)
	m.hold(a) // the same rows, looked at again
	if len(got) != 0 {
		t.Errorf("warned of 3 MB: %q", got)
	}
	m.hold(b)
	m.hold(b)
	m.drop(b)
	m.hold(b)
	if len(got) != 2 || !strings.HasPrefix(got[0], "Job memory usage ") || !strings.HasSuffix(got[0], "MB exceeds recommended limit of 4MB") {
		t.Errorf("warned %q, want once of each time that it passed 4 MB", got)
	}
	m.drop(a)
	m.drop(b)
	if m.used != 0 {
		t.Errorf("%d bytes are counted after all is given back", m.used)
	}
}

func TestJobMemoryWarning(t *testing.T) {
	m := &jobMemory{limit: 400 << 20, used: 450 << 20}
	if got, want := m.check(), "Job memory usage 450MB exceeds recommended limit of 400MB"; got != want {
		t.Errorf("warns %q, want %q", got, want)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// TestJobOverItsMemory passes rows of half a megabyte through a job that should
// hold one at most.
func TestJobOverItsMemory(t *testing.T) {
	f := newFixture(t)
	var log lockedBuffer
	f.log = slog.New(slog.NewTextHandler(&log, nil))
	in := f.stream("in")
	for i := range 8 {
		f.topics.topic("in").add(0, row(int64(i+1), strings.Repeat("x", 512<<10)))
	}
	f.topics.topic("in").end()
	f.exec(f.copyJob("big", in, []string{"x"}, catalog.Option{Key: "batch.memory_limit_mb", Value: "1"}))
	f.exec(f.copyJob("roomy", in, []string{"y"}, catalog.Option{Key: "batch.memory_limit_mb", Value: "1000"}))
	f.waitState("big", catalog.JobFinished)
	f.waitState("roomy", catalog.JobFinished)
	warnings := slices.DeleteFunc(strings.Split(log.buf.String(), "\n"), func(line string) bool {
		return !strings.Contains(line, "level=WARN")
	})
	if len(warnings) == 0 || !strings.Contains(warnings[0], "MB exceeds recommended limit of 1MB") || !strings.Contains(warnings[0], "job=big") {
		t.Errorf("warned %q, want of job big", warnings)
	}
	for _, w := range warnings {
		if strings.Contains(w, "job=roomy") {
			t.Errorf("warned %q", w)
		}
	}
}
