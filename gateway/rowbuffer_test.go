package gateway

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/exec/memory"
)

// TestCursorOnDisk reads cursors whose rows are larger than memory, forwards and
// backwards, in and after their transaction.
func TestCursorOnDisk(t *testing.T) {
	disk := memory.NewDisk(t.TempDir(), 0)
	account := memory.New("the process", 0, memory.ProcessSetting)
	account.SpillTo(disk, 0.5)
	s := start(t, func(o *Options) { o.QueryMemory, o.Memory = 100_000, account })
	c := s.connect(t, "")
	fetch := func(sql string) string {
		t.Helper()
		results, err := c.Exec(testContext(t), sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return summary(results[len(results)-1])
	}
	for _, step := range []struct{ sql, want string }{
		{"begin; declare a scroll cursor with hold for SELECT * FROM series:100000; move forward 70000 a; fetch forward 3 a", "70001 70002 70003"},
		{"fetch backward 3 a", "70002 70001 70000"},
		{"move backward 69990 a; fetch forward 2 a", "11 12"},
		{"declare b cursor with hold for SELECT * FROM series:50000; fetch forward 2 b", "1 2"},
		{"commit; fetch forward 2 b", "3 4"},
		{"move forward 49990 b; fetch forward all b", "49995 49996 49997 49998 49999 50000"},
		{"fetch absolute -1 a", "100000"},
		{"fetch absolute 1 a", "1"},
	} {
		if got := fetch(step.sql); got != step.want {
			t.Fatalf("%s = %s, want %s", step.sql, got, step.want)
		}
	}
	if disk.Files() != 2 || account.Used() > 400_000 {
		t.Errorf("%d files are open, %d bytes of memory are held", disk.Files(), account.Used())
	}
	fetch("close a")
	if disk.Files() != 1 {
		t.Errorf("after CLOSE %d files are open", disk.Files())
	}
	fetch("close all")
	if disk.Files() != 0 || disk.Used() != 0 || account.Used() != 0 {
		t.Errorf("after CLOSE ALL %d files are open, %d bytes of disk and %d of memory are held", disk.Files(), disk.Used(), account.Used())
	}
}

func summary(r *pgconn.Result) string {
	var values []string
	for _, row := range r.Rows {
		values = append(values, string(row[0]))
	}
	return strings.Join(values, " ")
}
