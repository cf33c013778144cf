package kafka

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// tokens reads and writes by OAUTHBEARER, with tokens that an endpoint gives for a few
// seconds, over sessions that the broker ends after two.
func (s *suite) tokens(t *testing.T) {
	var asked atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "me" || secret != "right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"%s","token_type":"Bearer","expires_in":12}`, unsigned(time.Now().Add(time.Minute)))
	}))
	defer endpoint.Close()
	common := fmt.Sprintf("type = 'kafka', 'bootstrap.servers' = '%s', 'security.protocol' = 'SASL_PLAINTEXT', 'sasl.mechanism' = 'OAUTHBEARER'", s.kafka.Tokens())
	asks := common + fmt.Sprintf(", 'sasl.oauthbearer.token.endpoint.url' = '%s', 'sasl.oauthbearer.client.id' = 'me', 'sasl.oauthbearer.client.secret' = ", endpoint.URL)
	s.topic(t, "held", 1)
	s.produce(t, "held", 0, 1, 2)
	s.exec(t, fmt.Sprintf("CREATE STREAM held (n int) WITH (%s'right', topic = 'held'); INSERT INTO held (n) VALUES (3)", asks))
	s.want(t, "SELECT n FROM held", "[1 2 3]")
	s.exec(t, "START JOB holds AS SELECT n FROM held INTO h WITH ('h.type' = 'blackhole')")
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'holds'", "[3]")
	// The job's connections authenticate again; the tokens are kept for two seconds.
	before := asked.Load()
	until(t, "tokens for the next sessions", func() bool { return asked.Load() >= before+3 })
	s.produce(t, "held", 0, 4)
	s.eventually(t, "SELECT rows_out FROM ferris.jobs WHERE job_name = 'holds' AND error IS NULL", "[4]")
	s.exec(t, "DROP JOB holds")

	s.exec(t, fmt.Sprintf("CREATE STREAM given (n int) WITH (%s, topic = 'held', 'sasl.oauthbearer.token' = '%s')", common, unsigned(time.Now().Add(time.Hour))))
	s.want(t, "SELECT count(*) FROM given", "[4]")
	expired := unsigned(time.Now().Add(-time.Hour))
	s.refused(t, fmt.Sprintf("CREATE STREAM late (n int) WITH (%s, topic = 'held', 'sasl.oauthbearer.token' = '%s'); SELECT n FROM late", common, expired), "28P01", "refused the token")
	// A file of a token is read again with each connection, so it may be rotated.
	path := filepath.Join(s.dir, "token")
	rotate := func(token string) {
		if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rotate(unsigned(time.Now().Add(time.Hour)))
	s.exec(t, fmt.Sprintf("CREATE STREAM kept (n int) WITH (%s, topic = 'held', 'sasl.oauthbearer.token_file' = '%s')", common, path))
	s.want(t, "SELECT count(*) FROM kept", "[4]")
	rotate(expired)
	s.refused(t, "SELECT count(*) FROM kept", "28P01", "refused the token")
	rotate(unsigned(time.Now().Add(time.Hour)))
	s.want(t, "SELECT count(*) FROM kept", "[4]")
	s.refused(t, fmt.Sprintf("CREATE STREAM wrong (n int) WITH (%s'wrong', topic = 'held'); SELECT n FROM wrong", asks), "28P01", "gave no token", "401")
}

// unsigned is a token that is not signed, of the user me.
func unsigned(until time.Time) string {
	part := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"sub":"me","iat":%d,"exp":%d}`, until.Add(-2*time.Hour).Unix(), until.Unix())
	return part([]byte(`{"alg":"none"}`)) + "." + part([]byte(claims)) + "."
}
