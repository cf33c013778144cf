package kafka

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/oauth2"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/exec/stream"
)

// bearers is a fake broker that takes tokens, as Kafka does: what it refuses it says in an
// answer, and ends the exchange when that is acknowledged.
type bearers struct {
	*broker
	mu      sync.Mutex
	takes   string        // the token
	session time.Duration // how long one lasts; 0: without end
	heard   []string      // what clients began with
}

func startBearers(t *testing.T, takes string) *bearers {
	t.Helper()
	b := &bearers{broker: start(t), takes: takes}
	b.ControlKey(17, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLHandshakeResponse)
		if req.(*kmsg.SASLHandshakeRequest).Mechanism != mechanismBearer {
			resp.ErrorCode = kerr.UnsupportedSaslMechanism.Code
		}
		return resp, nil, true
	})
	b.ControlKey(36, func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		b.mu.Lock()
		defer b.mu.Unlock()
		said := string(req.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes)
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		switch {
		case said == "\x01":
			resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
			resp.ErrorMessage = kmsg.StringPtr(`{"status":"invalid_token"}`)
		case !strings.HasPrefix(said, "n,,\x01auth=Bearer "+b.takes+"\x01"):
			resp.SASLAuthBytes = []byte(`{"status":"invalid_token"}`)
			b.heard = append(b.heard, said)
		default:
			resp.SessionLifetimeMillis = b.session.Milliseconds()
			b.heard = append(b.heard, said)
		}
		return resp, nil, true
	})
	return b
}

// rotate changes the token that is taken.
func (b *bearers) rotate(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.takes = token
}

func (b *bearers) sessions() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.heard)
}

// check declares a source of the topic, which must be there, and wants an error of a code
// ("" for none) that says the words and not the secret.
func (b *bearers) check(env *stream.Env, code sqlerr.Code, words string, options ...string) {
	b.t.Helper()
	options = append([]string{"security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "oauthbearer"}, options...)
	src, err := Connector{}.Source(b.t.Context(), env, relation("t", options...))
	if err == nil {
		src.Close()
	}
	e := sqlerr.From(err)
	switch {
	case code == "" && err == nil:
	case e == nil || e.Code != code || !strings.Contains(e.Message+" "+e.Hint, words):
		b.t.Errorf("%v: %+v, want %q %q", options, err, code, words)
	case strings.Contains(e.Message+e.Detail+e.Hint, "hidden"):
		b.t.Errorf("%v: the error shows the secret: %+v", options, e)
	}
}

// TestBearerGiven: a token that is written, in the environment and in a file, which is read
// at each authentication.
func TestBearerGiven(t *testing.T) {
	b := startBearers(t, "hidden1")
	b.topic("t", 1)
	t.Setenv("FERRIS_TEST_TOKEN", "hidden1")
	env := b.env()
	env.AllowedEnv, env.FileRoots = []string{"FERRIS_TEST_TOKEN"}, []string{t.TempDir()}
	path := filepath.Join(env.FileRoots[0], "token")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.check(env, "", "", keyToken, "hidden1", keyExtensions, "logicalCluster=lkc-1, pool=p=2")
	if got, want := b.sessions()[0], "n,,\x01auth=Bearer hidden1\x01logicalCluster=lkc-1\x01pool=p=2\x01\x01"; got != want {
		t.Errorf("the client began with %q, want %q", got, want)
	}
	b.check(env, "", "", keyToken+"_env", "FERRIS_TEST_TOKEN")
	b.check(env, sqlerr.InvalidPassword, "refused the token", keyToken, "hidden2")
	b.check(env, sqlerr.InvalidParameterValue, "visible ASCII", keyToken, "hidden1\x01host=x")
	b.check(env, sqlerr.InsufficientPrivilege, "hostname", keyToken+"_file", "/etc/hostname")
	b.check(env, sqlerr.InvalidParameterValue, "several ways", keyToken, "hidden1", keyToken+"_file", path)
	b.check(env, sqlerr.InvalidParameterValue, keyEndpoint)
	b.check(env, sqlerr.InvalidParameterValue, "PLAIN", keyToken, "hidden1", "sasl.username", "me")
	b.check(env, sqlerr.InvalidParameterValue, keyClient, keyToken, "hidden1", keyClient, "me")
	b.check(env, sqlerr.InvalidParameterValue, keySecret, keyEndpoint, "http://127.0.0.1:1/", keyClient, "me")
	_, err := Connector{}.Source(t.Context(), env, relation("t", "security.protocol", "SASL_PLAINTEXT", "sasl.username", "me", "sasl.password", "hidden"))
	if e := sqlerr.From(err); e == nil || e.Code != sqlerr.InvalidParameterValue || !strings.Contains(e.Message, "does not take PLAIN") {
		t.Errorf("a user where tokens are taken: %v", err)
	}

	write("hidden1\n")
	b.check(env, "", "", keyToken+"_file", path)
	b.session = time.Millisecond // so that each request authenticates again
	src, err := Connector{}.Source(t.Context(), env, relation("t", "security.protocol", "SASL_PLAINTEXT", "sasl.mechanism", "OAUTHBEARER", keyToken+"_file", path))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	write("hidden3")
	b.rotate("hidden3")
	if _, err := src.Splits(t.Context()); err != nil {
		t.Errorf("the client whose token was rotated: %v", err)
	}
	if heard := b.sessions(); !strings.Contains(heard[len(heard)-1], "hidden3") {
		t.Errorf("the client authenticated last with %q", heard[len(heard)-1])
	}
}

// issuer is an endpoint that gives tokens.
type issuer struct {
	mu     sync.Mutex
	asked  int
	answer string // of a request that is right; %d: how many there were
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	user, password, _ := r.BasicAuth()
	switch {
	case r.URL.Path == "/moved":
		http.Redirect(w, r, "/token", http.StatusTemporaryRedirect)
	case r.URL.Path == "/down":
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/long":
		fmt.Fprintf(w, `{"access_token":"%s"}`, strings.Repeat("x", 2<<20))
	case r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka read":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_scope"}`)
	case user != "me" || password != "hidden":
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s%s is wrong"}`, password, r.FormValue("client_secret"))
	default:
		i.asked++
		fmt.Fprintf(w, i.answer, i.asked)
	}
}

// TestBearerAsked: tokens that an endpoint gives for client credentials are kept until
// shortly before they expire, and dropped where a broker refuses them.
func TestBearerAsked(t *testing.T) {
	at := &issuer{answer: `{"access_token":"hidden%d","token_type":"Bearer","expires_in":3600}`}
	server := httptest.NewServer(at)
	defer server.Close()
	b := startBearers(t, "hidden1")
	b.topic("t", 1)
	env := b.env()
	options := func(path, secret string, more ...string) []string {
		return append([]string{keyEndpoint, server.URL + path, keyClient, "me", keySecret, secret, "sasl.oauthbearer.scope", "kafka read"}, more...)
	}
	b.check(env, "", "", options("/token", "hidden")...)
	b.check(env, "", "", options("/token", "hidden")...)
	if at.asked != 1 {
		t.Errorf("the endpoint was asked %d times, want once", at.asked)
	}
	b.rotate("hidden2")
	b.check(env, sqlerr.InvalidPassword, "refused the token", options("/token", "hidden")...)
	b.check(env, "", "", options("/token", "hidden")...)
	b.check(env, sqlerr.InvalidPassword, "invalid_client: ******** is wrong", options("/token", "hidden-wrong")...)
	b.check(env, sqlerr.InvalidPassword, "307", options("/moved", "hidden")...)
	b.check(env, sqlerr.UnableToEstablishConnection, "503", options("/down", "hidden")...)
	b.check(env, sqlerr.UnableToEstablishConnection, "gave no token", options("/long", "hidden")...)
	b.check(env, sqlerr.InvalidParameterValue, "login.example.com", keyEndpoint, "http://me:hidden@127.0.0.1/", keyClient, "me", keySecret, "x")
	env.HTTPAllow = []string{"*"}
	b.check(env, sqlerr.InsufficientPrivilege, "link-local", keyEndpoint, "http://169.254.169.254/token", keyClient, "me", keySecret, "hidden")
	env.HTTPAllow = []string{"login.example.com"}
	b.check(env, sqlerr.InsufficientPrivilege, "http.allow", options("/token", "hidden")...)
}

// TestGrantsKept: which tokens are kept, and for how long.
func TestGrantsKept(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		lifetime, since time.Duration // of the token, and since it was asked for
		kept            bool
	}{
		{time.Hour, 53 * time.Minute, true},
		{time.Hour, 55 * time.Minute, false}, // sessions of it end between 57 and 59 minutes
		{time.Minute, 45 * time.Second, true},
		{time.Minute, 51 * time.Second, false},
		{10 * time.Second, 0, false},
		{0, 0, false}, // it does not say
	} {
		var s grants
		token := &oauth2.Token{AccessToken: "x"}
		then := now.Add(-c.since)
		if c.lifetime != 0 {
			token.Expiry = then.Add(c.lifetime)
		}
		s.keep(grant{client: "me"}, token, then)
		if got := s.kept(grant{client: "me"}) != ""; got != c.kept {
			t.Errorf("a token of %v after %v is kept: %t, want %t", c.lifetime, c.since, got, c.kept)
		}
	}
	var s grants
	for i := range 3 * mostGrants {
		s.keep(grant{client: fmt.Sprint(i)}, &oauth2.Token{AccessToken: "x", Expiry: now.Add(time.Hour)}, now)
	}
	if n := len(s.of); n == 0 || n > mostGrants {
		t.Errorf("%d tokens are kept, want at most %d", n, mostGrants)
	}
}
