package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

// client makes requests, and makes them again where that may help.
type client struct {
	config    config
	http      http.Client
	transport *http.Transport
	waits     func(error)
}

func newClient(c config, waits func(error)) *client {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: c.tls, DialContext: (&net.Dialer{Timeout: c.timeout}).DialContext,
		TLSHandshakeTimeout: c.timeout, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 2,
	}
	return &client{config: c, transport: t, waits: waits, http: http.Client{
		Transport: t,
		// A redirect could lead to a host that http.allow does not name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// longestWait bounds the waits between two tries that no Retry-After has set.
const longestWait = 30 * time.Second

// send makes a request until it is taken, refused, or has been tried often enough.
func (c *client) send(ctx context.Context, body []byte, key string) error {
	defer c.waits(nil)
	wait := c.config.backoff
	for try := 0; ; try++ {
		again, after, err := c.try(ctx, body, key)
		if err == nil || !again || try == c.config.retries {
			return err
		}
		c.waits(err)
		d := wait/2 + rand.N(wait/2+1)
		if wait = min(2*wait, longestWait); after > 0 {
			d = min(after, c.config.patience)
		}
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// try makes a request once. again: it may be taken later, after the time given where
// that is known.
func (c *client) try(ctx context.Context, body []byte, key string) (again bool, after time.Duration, err error) {
	within, cancel := context.WithTimeout(ctx, c.config.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(within, c.config.method, c.config.url.String(), bytes.NewReader(body))
	if err != nil {
		return false, 0, fmt.Errorf("making a request: %w", err)
	}
	r.Header = c.config.header.Clone()
	if c.config.idHeader != "" {
		r.Header.Set(c.config.idHeader, key)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return false, 0, context.Cause(ctx)
		}
		why := "no connection"
		var slow net.Error
		if within.Err() != nil || errors.As(err, &slow) && slow.Timeout() {
			why = fmt.Sprintf("no answer within %v", c.config.timeout)
		}
		return true, 0, sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s", c.config.what(), why).
			WithHint("Check that the service runs and is reached from here; timeout says how long it may take.")
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, heard))
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
	if resp.StatusCode/100 == 2 {
		return false, 0, nil
	}
	return c.refused(resp, text, body)
}

const (
	// shown is how much of an answer, and of a request, a message has.
	shown = 300
	// heard is how much of an answer is looked at for secrets: more than is shown, so
	// that none is shown in part.
	heard = 16 << 10
)

// answer is what a message shows of an answer: nothing of what authenticates the
// request, which some services send back.
func (c *config) answer(text []byte) string {
	s := string(text)
	for _, secret := range c.secrets {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return strings.TrimSpace(strings.ToValidUTF8(s[:min(len(s), shown)], "?"))
}

// refused words an answer that is no success.
func (c *client) refused(resp *http.Response, text, body []byte) (again bool, after time.Duration, err error) {
	said := fmt.Sprintf("%s: HTTP status %d", c.config.what(), resp.StatusCode)
	if t := c.config.answer(text); t != "" {
		said += ": " + t
	}
	switch code := resp.StatusCode; {
	case code >= 500 || code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code == http.StatusTooEarly:
		return true, retryAfter(resp.Header.Get("Retry-After"), time.Now()), sqlerr.Errorf(sqlerr.ConnectionFailure, "%s", said).
			WithHint("The service is busy or out of order; the request is made again.")
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		return false, 0, sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "%s", said).WithHint("Check auth_token, auth_header, username and password, or api_key.")
	case code/100 == 3:
		return false, 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s", said).WithHint("It leads to another place; write that one as url, where http.allow names its host.")
	case c.config.skip:
		return false, 0, nil
	}
	row := strings.ToValidUTF8(string(body[:min(len(body), shown)]), "?")
	return false, 0, sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s", said).WithDetail("The request is %s", row).
		WithHint("Send what the service takes, or set on_refusal = 'skip' to leave such rows out.")
}

// retryAfter is the time that a Retry-After header gives, in seconds or as a date; 0:
// none.
func retryAfter(h string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(strings.TrimSpace(h)); err == nil {
		return time.Duration(max(0, min(s, 1<<30))) * time.Second
	}
	if at, err := http.ParseTime(h); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
