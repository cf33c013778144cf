package gateway

import (
	"net"
	"sort"
	"strconv"
	"sync"
	"time"
)

// Activity is a session as pg_stat_activity shows it.
type Activity struct {
	PID             int32
	User            string
	Database        string
	ApplicationName string
	ClientAddr      string
	ClientPort      int
	BackendStart    time.Time
	TransactionAt   time.Time // zero: in none
	QueryStart      time.Time
	StateChange     time.Time
	State           string // active, idle, idle in transaction, idle in transaction (aborted)
	Query           string
}

// activity is what other sessions may see of one.
type activity struct {
	mu  sync.Mutex
	now Activity
}

func (a *activity) start(x *session) {
	now := time.Now()
	host, port, _ := net.SplitHostPort(x.conn.RemoteAddr().String())
	p, _ := strconv.Atoi(port)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = Activity{
		PID: x.pid, User: x.user, Database: x.database, ClientAddr: host, ClientPort: p,
		BackendStart: now, StateChange: now, State: "idle",
	}
	a.now.ApplicationName = x.settings.current.fixed[idxApplicationName]
}

// query notes that a statement begins.
func (a *activity) query(x *session, text string) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now.State != "active" {
		x.server.counters.Active.Add(1)
		a.now.State, a.now.StateChange = "active", now
	}
	if len(text) > 1024 {
		text = text[:1024]
	}
	a.now.Query, a.now.QueryStart = text, now
	if x.txn.started {
		a.now.TransactionAt = x.txn.start
	} else {
		a.now.TransactionAt = now
	}
	a.now.ApplicationName = x.settings.current.fixed[idxApplicationName]
}

// idle notes that the session waits for its client.
func (a *activity) idle(x *session) {
	state := "idle"
	switch x.txn.status() {
	case 'T':
		state = "idle in transaction"
	case 'E':
		state = "idle in transaction (aborted)"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now.State == "active" {
		x.server.counters.Active.Add(-1)
	}
	if a.now.State != state {
		a.now.State, a.now.StateChange = state, time.Now()
	}
	if state == "idle" {
		a.now.TransactionAt = time.Time{}
	}
}

// Activity lists the sessions by PID.
func (s *Server) Activity() []Activity {
	s.mu.Lock()
	sessions := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		sessions = append(sessions, x)
	}
	s.mu.Unlock()
	list := make([]Activity, len(sessions))
	for i, x := range sessions {
		x.activity.mu.Lock()
		list[i] = x.activity.now
		x.activity.mu.Unlock()
	}
	sort.Slice(list, func(i, j int) bool { return list[i].PID < list[j].PID })
	return list
}
