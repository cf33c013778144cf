package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/planner/plan"
	"github.com/ferrisstreams/ferrisstreams/state"
)

// exportHead is what the file of a job's state says of it.
type exportHead struct {
	Job     string            `json:"job"`
	Query   string            `json:"query"`
	Epoch   uint64            `json:"epoch"`
	Format  int               `json:"format"`            // of operators' state
	Shapes  map[string]string `json:"operators"`         // by number
	Sources []string          `json:"sources,omitempty"` // as positions name them
}

// stateFile is EXPORT STATE OF j TO and IMPORT STATE OF j FROM a file of the server.
func (t *Txn) stateFile(ctx context.Context, s *plan.StateFile) (Result, error) {
	if t.e.o.ResolveFile == nil {
		return Result{}, sqlerr.Unsupported("Give the server folders in file.roots.", "a file of the server is not supported here")
	}
	path, err := t.e.o.ResolveFile(s.Path)
	if err != nil {
		return Result{}, err
	}
	j := t.Snapshot().Job(s.Job)
	if j == nil {
		return Result{}, sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", s.Job).WithHint("SHOW JOBS lists them.")
	}
	if s.Import {
		f, err := os.Open(path)
		if err != nil {
			return Result{}, fileError(path, err)
		}
		defer f.Close()
		err = t.e.importState(ctx, t.Snapshot(), j, f)
		if err != nil && sqlerr.CodeOf(err) == sqlerr.DataCorrupted {
			err = wrapped(err, "reading file %q: %w", path, err).WithHint("EXPORT STATE OF the job that it was made of writes it again.")
		}
		return Result{Tag: "IMPORT STATE"}, err
	}
	return Result{Tag: "EXPORT STATE"}, t.e.exportTo(ctx, j, path)
}

// fileError is an error about a file, as PostgreSQL words it.
func fileError(path string, err error) error {
	code := sqlerr.InternalError
	switch {
	case errors.Is(err, os.ErrNotExist):
		code = sqlerr.UndefinedFile
	case errors.Is(err, os.ErrPermission):
		code = sqlerr.InsufficientPrivilege
	}
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if code == sqlerr.UndefinedFile {
		return sqlerr.Errorf(code, "could not open file %q: %w", path, worded{"No such file or directory", err}).
			WithHint("The path is one of the gateway's machine. EXPORT STATE OF job TO '...' writes such a file, into a folder that is there.")
	}
	return sqlerr.Errorf(code, "could not open file %q: %w", path, err)
}

// exportTo writes a file whole or not at all.
func (e *Engine) exportTo(ctx context.Context, j *catalog.Job, path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fileError(path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err = errors.Join(e.exportState(ctx, j, f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// ExportState writes the state of a job, which may run, as its last committed epoch
// has it.
func (e *Engine) ExportState(ctx context.Context, job string, to io.Writer) error {
	j := e.o.Catalog.Snapshot().Job(job)
	if j == nil {
		return sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", job).WithHint("SHOW JOBS lists them.")
	}
	return e.exportState(ctx, j, to)
}

func (e *Engine) exportState(ctx context.Context, j *catalog.Job, to io.Writer) error {
	p, err := e.o.Plan(ctx, e.o.Catalog.Snapshot(), j)
	if err != nil {
		return fmt.Errorf("planning job %s: %w", j.Name, err)
	}
	if followsTables(p.Root) {
		return sqlerr.Unsupported("Back the data directory up with ferris-sql backup.",
			"exporting the state of job %q, which follows tables of this server, is not supported", j.Name)
	}
	sn := e.o.Store.Snapshot(j.UUID)
	defer sn.Close()
	epoch := e.storedHistory(j).epoch
	if epoch == 0 {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q has no committed epoch", j.Name)
	}
	head := exportHead{Job: j.Name, Query: j.Text, Format: stateFormat, Shapes: map[string]string{}, Epoch: uint64(epoch)}
	shapes, _, err := readShapes(sn, j)
	if err != nil {
		return err
	}
	for n, shape := range shapes {
		head.Shapes[strconv.FormatUint(uint64(n), 10)] = shape
	}
	progress, err := e.o.Store.Job(j.UUID).Progress()
	if err != nil {
		return err
	}
	for _, at := range progress.Positions {
		if !slices.Contains(head.Sources, at.Source) {
			head.Sources = append(head.Sources, at.Source)
		}
	}
	slices.Sort(head.Sources)
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	return sn.Export(ctx, j.UUID, b, to)
}

// ImportState gives a job that does not run the state that a file has.
func (e *Engine) ImportState(ctx context.Context, job string, from io.ReadSeeker) error {
	s := e.o.Catalog.Snapshot()
	j := s.Job(job)
	if j == nil {
		return sqlerr.Errorf(sqlerr.UndefinedObject, "job %q does not exist", job).WithHint("SHOW JOBS lists them.")
	}
	return e.importState(ctx, s, j, from)
}

func (e *Engine) importState(ctx context.Context, s *catalog.Snapshot, j *catalog.Job, from io.ReadSeeker) error {
	// Nobody starts the job meanwhile.
	e.reconciling.Lock()
	defer e.reconciling.Unlock()
	e.mu.Lock()
	runs := e.jobs[j.UUID] != nil && !e.jobs[j.UUID].ended()
	e.mu.Unlock()
	if runs || j.State == catalog.JobRunning {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "job %q is running", j.Name).
			WithHint("STOP JOB %s first, and START JOB %s after: it goes on where the file ends.", j.Name, j.Name)
	}
	b, err := state.ReadExport(ctx, from, nil)
	if err != nil {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "importing the state of job %q: %w", j.Name, err)
	}
	var head exportHead
	if err := json.Unmarshal(b, &head); err != nil {
		return sqlerr.Errorf(sqlerr.DataCorrupted, "importing the state of job %q: reading its head: %w", j.Name, err)
	}
	if err := e.fits(ctx, s, j, head); err != nil {
		return err
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return err
	}
	err = e.o.Store.Job(j.UUID).Import(ctx, from)
	if errors.Is(err, state.ErrUndecided) {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the last epoch of job %q is not decided", j.Name).
			WithHint("START JOB %s, and STOP JOB %s: then it is.", j.Name, j.Name)
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.jobs, j.UUID) // what it says of positions is not so any more
	return nil
}

// fits refuses a state that is not that of a job's plan, and names the operator or
// stream.
func (e *Engine) fits(ctx context.Context, s *catalog.Snapshot, def *catalog.Job, head exportHead) error {
	refuse := func(format string, args ...any) error {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the file has the state of another plan than job %q: %s", def.Name, fmt.Sprintf(format, args...)).
			WithDetail("The file is of job %q: %s", head.Job, head.Query).
			WithHint("Start a job with the query of the file, and stop it.")
	}
	if !readsFormat(head.Format) {
		return sqlerr.Errorf(sqlerr.ObjectNotInPrerequisiteState, "the state in the file has format %d, and this version reads formats %d to %d", head.Format, oldestFormat, stateFormat).
			WithHint("Import it with the version that wrote it.")
	}
	settings, err := jobOptions(def.Options, e.o.Checkpoint)
	if err != nil {
		return err
	}
	settings.parallelism = 1 // operators are the same in every task
	l := &life{j: newJob(e, def), settings: settings, memory: newJobMemory(0, nil)}
	if l.plan, err = e.o.Plan(ctx, s, def); err != nil {
		return fmt.Errorf("planning job %s: %w", def.Name, err)
	}
	if followsTables(l.plan.Root) {
		return sqlerr.Unsupported("Write the job over streams.", "importing the state of job %q, which follows tables of this server, is not supported", def.Name)
	}
	shapes, sources, err := l.shapes(ctx, s)
	if err != nil {
		return err
	}
	for _, name := range head.Sources {
		if !slices.Contains(sources, name) {
			return refuse("the file says where to go on in %s, and the job reads %s", name, strings.Join(sources, ", "))
		}
	}
	for _, own := range shapes {
		number := strconv.FormatUint(uint64(own.number), 10)
		theirs, ok := head.Shapes[number]
		if !ok {
			return refuse("the file has no state of the operator %q", own.shape)
		}
		if reason := own.differs(theirs); reason != "" {
			return refuse("%s", reason)
		}
		delete(head.Shapes, number)
	}
	for _, theirs := range head.Shapes {
		theirs, _, _ = strings.Cut(theirs, shapeTypes)
		return refuse("the job has no operator %q", theirs)
	}
	return nil
}

// shapes builds the operators of a life that is not started, and says what those are
// whose state is kept, and what its sources are called.
func (l *life) shapes(ctx context.Context, s *catalog.Snapshot) (shapes []keptOperator, sources []string, err error) {
	if l.env, err = JobEnv(l.j.def, s); err != nil {
		return nil, nil, err
	}
	l.account = l.stateAccount()
	defer func() {
		for _, t := range l.tasks {
			err = firstError(err, t.close())
		}
		l.account.Close()
	}()
	if err := l.openLetters(); err != nil {
		return nil, nil, err
	}
	if err := l.makeTasks(ctx); err != nil {
		return nil, nil, err
	}
	for _, t := range l.tasks {
		shapes = keptOperators(t.tree)
		sources = slices.Sorted(maps.Values(t.names))
	}
	return shapes, sources, nil
}
