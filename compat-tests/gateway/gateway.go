// Package gateway builds the product's binary and runs it as its users do: a
// process of its own, on free loopback ports, with its own data directory.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say how a gateway is started. Zero: `serve` on free ports.
type Options struct {
	DataDir string   // "": a new one, removed with the test
	Dev     bool     // --dev
	Brokers string   // --brokers
	Listen  string   // "": a free loopback port; a restart names the old one
	Args    []string // further arguments of serve
	Env     []string
	Dir     string // the process's working directory; "": the test's
	// FaultPoints: the binary is built for crash tests; FERRIS_DIE_AT in Env says at
	// which of state.FaultPoint it dies.
	FaultPoints bool
}

// Process is a running gateway.
type Process struct {
	Listen  string // host:port of the Postgres wire
	HTTP    string
	DataDir string
	cmd     *exec.Cmd
	log     *lockedBuffer
	done    chan struct{}
	err     error
}

// FreeAddr returns a loopback address nobody listens on, and that it has not returned
// before. Its port is below those that Linux gives to who asks for any, so that nobody
// is given it until it is listened on.
func FreeAddr() string {
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if _, before := given.LoadOrStore(addr, true); before {
			continue
		}
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	panic("no port between 20000 and 32000 is free")
}

// given are the addresses that FreeAddr has returned.
var given sync.Map

// Start runs a gateway until the test ends.
func Start(t testing.TB, o Options) *Process {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	p, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the gateway's log:\n%s", p.Log())
		}
	})
	return p
}

// ErrEnded is Run's where the process ends before it is ready.
var ErrEnded = errors.New("ferris-sql ended")

// Run starts a gateway and waits until it is ready. DataDir must be given.
func Run(o Options) (*Process, error) {
	binary, err := Binary()
	if o.FaultPoints {
		binary, err = mortalBinary()
	}
	if err != nil {
		return nil, err
	}
	p := &Process{Listen: o.Listen, HTTP: FreeAddr(), DataDir: o.DataDir, log: &lockedBuffer{}, done: make(chan struct{})}
	if p.Listen == "" {
		p.Listen = FreeAddr()
	}
	args := []string{"serve", "--listen", p.Listen, "--http", p.HTTP, "--data-dir", o.DataDir}
	if o.Dev {
		args = append(args, "--dev", "--dev-broker", FreeAddr())
	}
	if o.Brokers != "" {
		args = append(args, "--brokers", o.Brokers)
	}
	p.cmd = exec.Command(binary, append(args, o.Args...)...)
	p.cmd.Dir = o.Dir
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting ferris-sql: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(30 * time.Second); err != nil {
		p.Kill()
		return nil, fmt.Errorf("%w\n%s", err, p.Log())
	}
	return p, nil
}

func (p *Process) ready(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.isReady(ctx) {
			return nil
		}
		select {
		case <-p.done:
			return errors.Join(ErrEnded, p.err)
		case <-ctx.Done():
			return errors.New("ferris-sql was not ready in time")
		case <-tick.C:
		}
	}
}

func (p *Process) isReady(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/ready", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode == http.StatusOK
}

// URL is what drivers connect with.
func (p *Process) URL() string {
	return "postgres://ferris@" + p.Listen + "/ferris?sslmode=disable"
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL and waits for it. It may be called twice.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.done }

// Stop sends SIGTERM and returns how the process ended.
func (p *Process) Stop(limit time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		return fmt.Errorf("ferris-sql did not end within %v of SIGTERM", limit)
	}
}

// Log is what the process has printed.
func (p *Process) Log() string { return p.log.String() }

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// StartBroker runs `ferris-sql dev-broker`, a process of its own, until the
// test ends, and returns its address.
func StartBroker(t testing.TB, args ...string) string {
	t.Helper()
	addr, _ := StartMortalBroker(t, args...)
	return addr
}

// StartMortalBroker is StartBroker with the means to kill the broker before.
func StartMortalBroker(t testing.TB, args ...string) (addr string, kill func()) {
	t.Helper()
	addr = FreeAddr()
	return addr, StartBrokerAt(t, addr, args...)
}

// StartBrokerAt runs a broker at an address, another's that was killed, say.
func StartBrokerAt(t testing.TB, addr string, args ...string) (kill func()) {
	t.Helper()
	_, kill = brokerAt(t, addr, args...)
	return kill
}

// StartMuteBroker is StartBroker with the means to have the broker answer no more, with
// all its connections open, and to have it answer again.
func StartMuteBroker(t testing.TB, args ...string) (addr string, mute, answer func() error) {
	t.Helper()
	addr = FreeAddr()
	broker, _ := brokerAt(t, addr, args...)
	return addr, func() error { return broker.Signal(syscall.SIGSTOP) }, func() error { return broker.Signal(syscall.SIGCONT) }
}

func brokerAt(t testing.TB, addr string, args ...string) (broker *os.Process, kill func()) {
	t.Helper()
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"dev-broker", "--listen", addr}, args...)...)
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("the broker's log:\n%s", log)
		}
	})
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
			return cmd.Process, kill
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker does not listen at %s: %v\n%s", addr, err, log)
		}
		<-tick.C
	}
}
