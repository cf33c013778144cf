package tables

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
)

// failures is how often TestPowerFailure fails the power: 3 times in the short
// tier, 50 in the long one, or as FERRIS_POWER_FAILURES says.
func failures() int {
	if n, err := strconv.Atoi(os.Getenv("FERRIS_POWER_FAILURES")); err == nil {
		return n
	}
	if os.Getenv("FERRIS_TIER") == "long" {
		return 50
	}
	return 3
}

// TestPowerFailure has a gateway's data directory on an ext4 file system of its
// own, over a file. What that file holds at one moment is what a disk holds whose
// power fails then: what was not synced is still in memory. While sessions write,
// the file is copied, again and again; each copy, mounted, is opened by another
// gateway, which must have all that was answered by then, and nothing half done.
//
// It needs to mount files, so root. Where that is not to be had the short tier skips
// it and says why; the long one fails.
func TestPowerFailure(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts file systems and starts gateways")
	}
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	newDisk(t, disk)
	if err := mountable(disk, filepath.Join(dir, "try")); err != nil && os.Getenv("FERRIS_TIER") != "long" {
		t.Skipf("what survives a power failure is NOT tested: %v; it needs root, and a kernel that mounts files", err)
	}
	root := mount(t, disk, filepath.Join(dir, "mnt"))
	p := gateway.Start(t, gateway.Options{DataDir: filepath.Join(root, "data")})
	t.Cleanup(p.Kill) // before the file system goes
	c := connect(t, p.Listen)
	for _, sql := range []string{
		"CREATE TABLE k (who int, i int, note text, PRIMARY KEY (who, i))",
		"CREATE INDEX k_note ON k (note)",
		"CREATE TABLE acc (id int PRIMARY KEY, bal bigint NOT NULL)",
		"CREATE TABLE long (id int PRIMARY KEY, t text)",
		fmt.Sprintf("INSERT INTO acc SELECT g, 1000 FROM generate_series(1, %d) g", accounts),
	} {
		must(t, c, sql)
	}
	l := beginLoad(t, p)
	rng := rand.New(rand.NewPCG(5, 6))
	for turn := range failures() {
		<-time.After(time.Duration(50+rng.IntN(500)) * time.Millisecond)
		copied := filepath.Join(dir, "copy")
		answered := l.failPower(t, p, disk, copied)
		l.check(t, turn, mount(t, copied, filepath.Join(dir, "after")), answered)
		unmount(t, filepath.Join(dir, "after"))
		if t.Failed() {
			break
		}
	}
	p.Kill()
	l.wait.Wait()
	t.Logf("%d power failures; %d INSERTs, %d tables and %d long values answered", failures(), l.answered[0].Load(), l.tables.Load(), l.long.Load())
}

// powerLoad are sessions that write, and what they have been answered.
type powerLoad struct {
	answered [writers]atomic.Int64
	tables   atomic.Int64
	long     atomic.Int64
	wait     sync.WaitGroup
}

// beginLoad starts sessions that insert rows, move amounts, make tables and write
// values of which each is more than one transaction of the store, until the
// gateway ends.
func beginLoad(t *testing.T, p *gateway.Process) *powerLoad {
	t.Helper()
	l := &powerLoad{}
	session := func(work func(c *pgconn.PgConn)) {
		c := connect(t, p.Listen)
		l.wait.Go(func() { work(c) })
	}
	counted := func(n *atomic.Int64, sql func(i int64) string) {
		session(func(c *pgconn.PgConn) {
			for i := int64(1); ; i++ {
				if _, err := c.Exec(context.Background(), sql(i)).ReadAll(); err != nil {
					return
				}
				n.Store(i)
			}
		})
	}
	for who := range writers {
		counted(&l.answered[who], func(i int64) string { return fmt.Sprintf("INSERT INTO k VALUES (%d, %d, 'n%d')", who, i, who) })
	}
	counted(&l.tables, func(i int64) string {
		return fmt.Sprintf("BEGIN; CREATE TABLE made%d AS SELECT g FROM generate_series(1, 100) g; DROP TABLE IF EXISTS made%d; COMMIT", i, max(i-10, 0))
	})
	counted(&l.long, func(i int64) string {
		return fmt.Sprintf("INSERT INTO long VALUES (%d, repeat(md5('%d'), 25000)) ON CONFLICT (id) DO UPDATE SET id = excluded.id, t = excluded.t", i%3, i)
	})
	for who := range movers {
		session(func(c *pgconn.PgConn) {
			rng := rand.New(rand.NewPCG(7, uint64(who)))
			for {
				a, b := 1+rng.IntN(accounts), 1+rng.IntN(accounts)
				out := run(c, fmt.Sprintf("BEGIN; UPDATE acc SET bal = bal - 1 WHERE id = %d; UPDATE acc SET bal = bal + 1 WHERE id = %d; COMMIT", a, b))
				if strings.HasPrefix(out, "lost") {
					return
				} else if strings.HasPrefix(out, "ERROR") {
					run(c, "ROLLBACK") // a deadlock
				}
			}
		})
	}
	return l
}

// powerMark is what had been answered when the power failed.
type powerMark struct {
	rows         [writers]int64
	tables, long int64
}

// failPower copies the disk as it is at one moment. The gateway stands still
// meanwhile; the kernel may still write for it, and then the copy is made again.
func (l *powerLoad) failPower(t *testing.T, p *gateway.Process, disk, to string) (m powerMark) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(p.PID(), syscall.SIGCONT)
	for tries := 0; ; tries++ {
		if out, err := exec.Command("cp", "--sparse=always", disk, to).CombinedOutput(); err != nil {
			t.Fatalf("copying the disk: %v\n%s", err, out)
		}
		if same, err := sameContent(disk, to); err != nil {
			t.Fatal(err)
		} else if same {
			break
		}
		if tries == 20 {
			t.Fatal("the disk does not stand still while its gateway does")
		}
	}
	// Whatever has been answered was answered before the gateway stood still.
	for who := range l.answered {
		m.rows[who] = l.answered[who].Load()
	}
	m.tables, m.long = l.tables.Load(), l.long.Load()
	return m
}

// check opens a disk that was left by a power failure.
func (l *powerLoad) check(t *testing.T, turn int, root string, m powerMark) {
	t.Helper()
	p := gateway.Start(t, gateway.Options{DataDir: filepath.Join(root, "data")})
	defer p.Kill()
	c := connect(t, p.Listen)
	for who, n := range m.rows {
		got := run(c, fmt.Sprintf("SELECT count(*), coalesce(max(i), 0) FROM k WHERE who = %d", who))
		if want, more := fmt.Sprintf("%d,%d ", n, n), fmt.Sprintf("%d,%d ", n+1, n+1); !strings.HasPrefix(got, want) && !strings.HasPrefix(got, more) {
			t.Errorf("turn %d, session %d: %d rows were answered, and there are (count, highest) %s", turn, who, n, got)
		}
		byIndex := run(c, fmt.Sprintf("SELECT count(*) FROM k WHERE note = 'n%d'", who))
		if all := run(c, fmt.Sprintf("SELECT count(*) FROM k WHERE note || '' = 'n%d'", who)); byIndex != all {
			t.Errorf("turn %d, session %d: %s rows by the index, %s without it", turn, who, byIndex, all)
		}
	}
	if sum := run(c, "SELECT sum(bal) FROM acc"); !strings.HasPrefix(sum, strconv.Itoa(accounts*1000)) {
		t.Errorf("turn %d: the accounts hold %s", turn, sum)
	}
	newest := run(c, "SELECT coalesce(max(substr(relname, 5)::int), 0) FROM pg_class WHERE relname LIKE 'made%'")
	if !strings.HasPrefix(newest, fmt.Sprintf("%d ", m.tables)) && !strings.HasPrefix(newest, fmt.Sprintf("%d ", m.tables+1)) {
		t.Errorf("turn %d: %d tables were answered, and the newest is %s", turn, m.tables, newest)
	} else if newest != "0 SELECT 1" {
		number, _, _ := strings.Cut(newest, " ")
		if rows := run(c, "SELECT count(*), sum(g) FROM made"+number); rows != "100,5050 SELECT 1" {
			t.Errorf("turn %d: table made%s holds %s", turn, number, rows)
		}
	}
	l.checkLong(t, turn, c, m.long)
}

// checkLong: of the values that are written in turn under three ids, each is the
// last that was answered or the one that was being written.
func (l *powerLoad) checkLong(t *testing.T, turn int, c *pgconn.PgConn, answered int64) {
	t.Helper()
	for id := range int64(3) {
		got := run(c, fmt.Sprintf("SELECT t FROM long WHERE id = %d", id))
		found := false
		for i := max(answered-2, 1); i <= answered+1; i++ {
			found = found || i%3 == id && got == fmt.Sprintf("%s SELECT 1", strings.Repeat(md5Of(i), 25000))
		}
		if !found && answered >= 3 {
			t.Errorf("turn %d: %d long values were answered, and that of id %d is none of the last (%d bytes)", turn, answered, id, len(got))
		}
	}
}

func md5Of(i int64) string { return fmt.Sprintf("%x", md5.Sum([]byte(strconv.FormatInt(i, 10)))) }

// newDisk makes a file that holds an empty ext4 file system.
func newDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(2<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", path).CombinedOutput(); err != nil {
		t.Fatalf("making a file system: %v\n%s", err, out)
	}
}

// mountable mounts a file and unmounts it.
func mountable(disk, at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("mount", "-o", "loop", disk, at).CombinedOutput(); err != nil {
		return fmt.Errorf("mounting a file: %w: %s", err, out)
	}
	return exec.Command("umount", at).Run()
}

// mount mounts a file; unmount undoes it, at the latest with the test.
func mount(t *testing.T, disk, at string) string {
	t.Helper()
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-o", "loop", disk, at).CombinedOutput(); err != nil {
		t.Fatalf("mounting a file: %v\n%s\nThis test needs root, and a kernel that mounts files.", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", at).Run() })
	return at
}

func unmount(t *testing.T, at string) {
	t.Helper()
	if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
		t.Fatalf("unmounting: %v\n%s", err, out)
	}
}

// sameContent compares two files where the first has data.
func sameContent(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<20), make([]byte, 1<<20)
	const seekData, seekHole = 3, 4
	for at := int64(0); ; {
		from, err := x.Seek(at, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if at, err = x.Seek(from, seekHole); err != nil {
			return false, err
		}
		for from < at {
			n := min(at-from, int64(len(p)))
			if _, err := x.ReadAt(p[:n], from); err != nil && err != io.EOF {
				return false, err
			}
			if _, err := y.ReadAt(q[:n], from); err != nil && err != io.EOF {
				return false, err
			}
			if string(p[:n]) != string(q[:n]) {
				return false, nil
			}
			from += n
		}
	}
}
