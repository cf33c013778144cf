package kafka

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
)

// granted are the tokens of the process: the clients of most statements live too briefly
// to keep one.
var granted grants

// mostGrants bounds how many tokens are kept.
const mostGrants = 256

// grants keeps tokens until shortly before they expire. Any goroutine may use it.
type grants struct {
	mu     sync.Mutex
	of     map[grant]kept
	asking singleflight.Group
}

type kept struct {
	token string
	until time.Time
}

// get is the token of a grant; ask is called where there is none that is good for a while,
// once for all who wait.
func (s *grants) get(g grant, ask func() (*oauth2.Token, error)) (string, error) {
	if token := s.kept(g); token != "" {
		return token, nil
	}
	token, err, _ := s.asking.Do(fmt.Sprintf("%q", g), func() (any, error) {
		if token := s.kept(g); token != "" { // of who asked just before
			return token, nil
		}
		now := time.Now()
		token, err := ask()
		if err != nil {
			return "", err
		}
		s.keep(g, token, now)
		return token.AccessToken, nil
	})
	if err != nil {
		return "", err
	}
	return token.(string), nil
}

func (s *grants) kept(g grant) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.of[g]; time.Now().Before(k.until) {
		return k.token
	}
	return ""
}

// keep keeps a token that was asked for then, if it says when it expires. Connections
// authenticate again when 2% to 5% of a session are left, and must have another by then.
func (s *grants) keep(g grant, t *oauth2.Token, then time.Time) {
	spare := max(t.Expiry.Sub(then)/10, 10*time.Second)
	if t.Expiry.IsZero() || t.Expiry.Sub(then) <= spare {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, k := range s.of {
		if len(s.of) >= mostGrants || !then.Before(k.until) {
			delete(s.of, other)
		}
	}
	if s.of == nil {
		s.of = map[grant]kept{}
	}
	s.of[g] = kept{t.AccessToken, t.Expiry.Add(-spare)}
}

// forget drops a token that a broker refused.
func (s *grants) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for g, k := range s.of {
		if k.token == token {
			delete(s.of, g)
		}
	}
}
