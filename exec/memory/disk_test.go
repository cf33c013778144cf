package memory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
	"github.com/ferrisstreams/ferrisstreams/exec/vec"
)

var oneColumn = []types.Type{types.Of(types.Int8)}

func numbers(from, n int) *vec.Batch {
	b := vec.NewBatch(oneColumn)
	for i := range n {
		vec.Append(b.Cols[0], types.NewInt(types.Int8, int64(from+i)))
		b.Rows++
	}
	return b
}

func spilling(t *testing.T, limit int64) (*Account, *Disk) {
	t.Helper()
	d := NewDisk(filepath.Join(t.TempDir(), "spill"), limit)
	a := New("the query", 1<<20, QuerySetting)
	a.SpillTo(d, 0.8)
	return a, d
}

// TestRuns writes runs that alternate in one file, and reads each alone.
func TestRuns(t *testing.T) {
	query, disk := spilling(t, 0)
	sort := query.Spillable("sort")
	f, err := sort.NewFile()
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(disk.dir); err != nil || len(entries) != 0 {
		t.Errorf("the folder of an open file holds %v, %v", entries, err)
	}
	var runs [3]Run
	for turn := range 10 {
		for i := range runs {
			if err := f.Write(&runs[i], numbers(1000*i+10*turn, 10)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := vec.NewBatch(oneColumn)
	for i := range runs {
		in := f.Reader()
		for turn := range runs[i].Batches() {
			if err := in.Read(&runs[i], turn, b); err != nil {
				t.Fatal(err)
			}
			if got, want := b.Cols[0].(*vec.Fixed[int64]).Values[0], int64(1000*i+10*turn); got != want || b.Rows != 10 {
				t.Fatalf("batch %d of run %d begins with %d and has %d rows, want %d and 10", turn, i, got, b.Rows, want)
			}
		}
	}
	if sort.Spilled() != disk.Used() || disk.Used() != 3*runs[0].Bytes() {
		t.Errorf("spilled %d, on disk %d, want %d", sort.Spilled(), disk.Used(), 3*runs[0].Bytes())
	}
	// Nobody closes the file but the query.
	query.Close()
	if disk.Used() != 0 || disk.Files() != 0 {
		t.Errorf("after the query %d bytes and %d files are left", disk.Used(), disk.Files())
	}
	if err := f.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestDamageIsNoticed(t *testing.T) {
	query, _ := spilling(t, 0)
	defer query.Close()
	f, err := query.NewFile()
	if err != nil {
		t.Fatal(err)
	}
	var run Run
	if err := f.Write(&run, numbers(0, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.f.WriteAt([]byte{0xff}, 60); err != nil {
		t.Fatal(err)
	}
	if err := f.Reader().Read(&run, 0, vec.NewBatch(oneColumn)); sqlerr.CodeOf(err) != sqlerr.IOError {
		t.Errorf("error = %v, want 58030", err)
	}
	if err := f.f.Truncate(100); err != nil {
		t.Fatal(err)
	}
	if err := f.Reader().Read(&run, 0, vec.NewBatch(oneColumn)); sqlerr.CodeOf(err) != sqlerr.IOError {
		t.Errorf("a file that is cut short: error = %v, want 58030", err)
	}
}

func TestDiskLimit(t *testing.T) {
	query, disk := spilling(t, 1<<20)
	f, err := query.NewFile()
	if err != nil {
		t.Fatal(err)
	}
	var run Run
	for err == nil {
		err = f.Write(&run, numbers(0, 1000))
	}
	e := sqlerr.From(err)
	if e.Code != sqlerr.DiskFull || !strings.Contains(e.Message, disk.dir) || e.Detail != "The limit is set by sql.spill_limit_mb = 1." {
		t.Errorf("%s %s (%s), want 53100 with the folder and the setting", e.Code, e.Message, e.Detail)
	}
	if used := disk.Used(); used > 1<<20 || used != run.Bytes() {
		t.Errorf("%d bytes are counted, %d in the run", used, run.Bytes())
	}
	query.Close()
	if disk.Used() != 0 {
		t.Errorf("%d bytes are left", disk.Used())
	}
}

// TestFullDisk writes to the device that is always full: the error is the
// system's own.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	query, disk := spilling(t, 0)
	disk.open = func(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) }
	f, err := query.NewFile()
	if err != nil {
		t.Fatal(err)
	}
	var run Run
	err = f.Write(&run, numbers(0, 1000))
	if e := sqlerr.From(err); e.Code != sqlerr.DiskFull || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(e.Message, disk.dir) || !strings.Contains(e.Hint, DirectorySetting) {
		t.Errorf("%s %s (%s), want 53100 with the folder", e.Code, e.Message, e.Hint)
	}
	if run.Batches() != 0 || disk.Used() != 0 {
		t.Errorf("%d batches and %d bytes of a write that failed", run.Batches(), disk.Used())
	}
	query.Close()
	if disk.Files() != 0 {
		t.Errorf("%d files are left", disk.Files())
	}
}

func TestNoFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	query := New("the query", 1<<20, QuerySetting)
	query.SpillTo(NewDisk(filepath.Join(path, "spill"), 0), 0.8)
	if _, err := query.NewFile(); sqlerr.CodeOf(err) != sqlerr.IOError {
		t.Errorf("error = %v, want 58030", err)
	}
	// Who puts it right need not start the process anew.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if f, err := query.NewFile(); err != nil {
		t.Errorf("after the folder can be made: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	query.SpillTo(NewDisk(t.TempDir(), 0), 0.8)
	query.disk.open = func(string) (*os.File, error) { return nil, &os.PathError{Op: "open", Path: "x", Err: syscall.EMFILE} }
	if _, err := query.NewFile(); sqlerr.CodeOf(err) != sqlerr.InsufficientResources {
		t.Errorf("error = %v, want 53000", err)
	}
}

// TestNamedFiles: where files need a name they lose it at once, and what a kill
// between the two calls left goes with the next start.
func TestNamedFiles(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, filePrefix+"123")
	other := filepath.Join(dir, "other")
	for _, path := range []string{left, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	query := New("the query", 1<<20, QuerySetting)
	query.SpillTo(NewDisk(dir, 0), 0.8)
	query.disk.open = openNamed
	f, err := query.NewFile()
	if err != nil {
		t.Fatal(err)
	}
	var run Run
	if err := f.Write(&run, numbers(0, 10)); err != nil {
		t.Fatal(err)
	}
	if err := f.Reader().Read(&run, 0, vec.NewBatch(oneColumn)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "other" {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
	query.Close()
}

// TestPressure walks two holders of one query to its limit.
func TestPressure(t *testing.T) {
	query, _ := spilling(t, 0)
	a, b := query.Spillable("a"), query.Spillable("b")
	step := func(of *Account, n int64, pressedA, pressedB bool) {
		t.Helper()
		if err := of.Reserve(n); err != nil {
			t.Fatal(err)
		}
		if a.Pressed() != pressedA || b.Pressed() != pressedB {
			t.Errorf("with %d and %d bytes pressed are %v and %v, want %v and %v", a.Used(), b.Used(), a.Pressed(), b.Pressed(), pressedA, pressedB)
		}
	}
	step(a, 300<<10, false, false)
	step(a, 120<<10, false, false) // over half of 0.8 MB, which nobody else wants
	step(b, 30<<10, false, false)
	step(b, 30<<10, true, false)
	step(b, 370<<10, true, true) // over 0.8 MB
	step(a, 300<<10, true, true) // over 1 MB: counted all the same
	if err := a.Check(); err != nil {
		t.Errorf("within the room to write with: %v", err)
	}
	step(a, 2<<20, true, true)
	if err := a.Check(); sqlerr.CodeOf(err) != sqlerr.OutOfMemory {
		t.Errorf("error = %v, want 53200", err)
	}
	if hard := query.Child("hard", 0, ""); sqlerr.CodeOf(hard.Reserve(1)) != sqlerr.OutOfMemory {
		t.Error("a holder that cannot write was given more")
	}
	a.Close()
	b.Close()
	if query.Used() != 0 {
		t.Errorf("%d bytes are left", query.Used())
	}
	alone := query.Spillable("alone")
	if err := alone.Reserve(800 << 10); err != nil || alone.Pressed() {
		t.Errorf("alone with 0.8 MB: %v, pressed %v", err, alone.Pressed())
	}
}
