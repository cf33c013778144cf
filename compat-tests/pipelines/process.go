package pipelines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/rpc"
	"os"
	"os/exec"
	"slices"
	"sync"
)

// hostVariable tells a process of this test binary that it is to be a Host over
// its standard input and output, with the brokers that it names.
const hostVariable = "FERRIS_PIPELINES_HOST"

// serveHost is the process.
func serveHost(brokers string) error {
	s := rpc.NewServer()
	if err := s.Register(newHost(brokers)); err != nil {
		return err
	}
	s.ServeConn(pipe{os.Stdin, os.Stdout})
	return nil
}

type pipe struct {
	io.ReadCloser
	io.WriteCloser
}

func (p pipe) Close() error { return errors.Join(p.ReadCloser.Close(), p.WriteCloser.Close()) }

// kills is how often a process is killed.
const kills = 6

// mortal is a Host in a process of its own, which is killed and started again.
type mortal struct {
	brokers string

	mu      sync.Mutex
	client  *rpc.Client
	process *exec.Cmd
	life    int           // counts from 0
	next    chan struct{} // closed when the next life begins
}

func startMortal(brokers string) (*mortal, error) {
	m := &mortal{brokers: brokers, next: make(chan struct{}), life: -1}
	return m, m.start()
}

// start begins a life.
func (m *mortal) start() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the test binary: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), hostVariable+"="+m.brokers)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting a host: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.process, m.client = cmd, rpc.NewClient(pipe{out, in})
	m.life++
	close(m.next)
	m.next = make(chan struct{})
	return nil
}

// end ends the process with SIGKILL.
func (m *mortal) end() {
	_ = m.process.Process.Kill()
	_ = m.process.Wait() // it was killed
	_ = m.client.Close() // it has lost its process
}

// kill ends a life and begins the next.
func (m *mortal) kill() error {
	m.end()
	return m.start()
}

// now is the life that there is, and next is closed when there is another.
func (m *mortal) now() (client *rpc.Client, life int, next <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.client, m.life, m.next
}

// call calls a method, after it has run the directory's statements, in one life
// after another until there is an answer.
func (m *mortal) call(ctx context.Context, method string, c Call) error {
	for {
		client, _, next := m.now()
		err := client.Call("Host.Run", c, &struct{}{})
		if err == nil && method != "Run" {
			err = client.Call("Host."+method, c, &struct{}{})
		}
		var answer rpc.ServerError
		if err == nil || errors.As(err, &answer) {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("calling %s: %w", method, err)
		}
	}
}

// reach returns when there has been a life.
func (m *mortal) reach(ctx context.Context, life int) error {
	for {
		_, now, next := m.now()
		if now >= life {
			return nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// survive runs a golden through as many lives as there are.
func (r *run) survive(ctx context.Context, m *mortal) ([]expected, error) {
	defer r.close()
	if err := r.prepare(ctx); err != nil {
		return nil, err
	}
	sql, err := r.statements()
	if err != nil {
		return nil, err
	}
	call := Call{Dir: r.dir, SQL: sql, Limit: limit}
	if err := m.call(ctx, "Run", call); err != nil {
		return nil, err
	}
	stage := 0
	barrier := func(to int) error {
		for ; stage < to; stage++ {
			call.Records = maps.Clone(r.sent)
			if err := m.call(ctx, "Settle", call); err != nil {
				return err
			}
			call.Rows = r.awaited(stage)
			if err := m.call(ctx, "Await", call); err != nil {
				return err
			}
			if err := r.mark(); err != nil {
				return err
			}
		}
		return nil
	}
	pieces := r.pieces()
	lives := make([]int, len(pieces))
	for i := range lives {
		lives[i] = r.rng.IntN(kills + 1)
	}
	slices.Sort(lives)
	tasks := r.divisionsAt(len(pieces))
	divide := func(to []int) error {
		for _, call.Tasks = range to {
			if err := m.call(ctx, "Divide", call); err != nil {
				return err
			}
		}
		return nil
	}
	for i, p := range pieces {
		for life := range lives[i] + 1 {
			if err := m.reach(ctx, life); err != nil {
				return nil, err
			}
			if err := m.call(ctx, "Run", call); err != nil {
				return nil, err
			}
		}
		if err := barrier(p.stage); err != nil {
			return nil, err
		}
		if err := divide(tasks[i]); err != nil {
			return nil, err
		}
		if err := r.write(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := divide(tasks[len(pieces)]); err != nil {
		return nil, err
	}
	if err := barrier(r.stages() - 1); err != nil {
		return nil, err
	}
	if err := m.reach(ctx, kills); err != nil {
		return nil, err
	}
	call.Ended = true
	if err := m.call(ctx, "Settle", call); err != nil {
		return nil, err
	}
	if err := m.call(ctx, "Close", call); err != nil {
		return nil, err
	}
	return r.answers()
}
