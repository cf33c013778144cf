package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// client makes requests, and makes them again where that may help. Any goroutine may use
// it.
type client struct {
	config    *requests
	http      http.Client
	transport *http.Transport
	waits     func(error) // hears what a request waits for; nil: that it is through
}

// redirects says what becomes of an answer that leads elsewhere.
type redirects bool

const (
	// stays: it is an answer that is no success. What is sent once must not be sent to
	// another place.
	stays redirects = false
	// follows: it is followed, to hosts of http.allow.
	follows redirects = true
)

// mostRedirects is how many redirects one request follows.
const mostRedirects = 10

func newClient(c *requests, to redirects, waits func(error)) *client {
	cl := &client{config: c, waits: waits}
	cl.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: c.tls, DialContext: object.Dialer(c.allow, c.timeout),
		TLSHandshakeTimeout: c.timeout, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 8, MaxResponseHeaderBytes: 256 << 10,
	}
	cl.http = http.Client{Transport: cl.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if to == follows {
		cl.http.CheckRedirect = cl.redirect
	}
	return cl
}

// redirect lets a request be led to hosts of http.allow, never from TLS to none, and
// gives what authenticates it to the URL's own host alone.
func (c *client) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > mostRedirects {
		return sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s: more than %d redirects, the last to %s", c.config.what(), mostRedirects, c.config.shown(r.URL)).
			WithHint("They lead in a circle; write the place that has the answer as url.")
	}
	if err := c.config.leads(via[len(via)-1].URL, r.URL); err != nil {
		return err
	}
	c.config.depersonal(r)
	r.Header.Del("Referer") // a URL with its query, which may hold a secret
	return nil
}

// leads refuses a place that an answer of another leads to.
func (c *requests) leads(from, to *url.URL) error {
	if to.Scheme != "http" && to.Scheme != "https" || from.Scheme == "https" && to.Scheme == "http" {
		return sqlerr.Errorf(sqlerr.InsufficientPrivilege, "%s: it leads to %s, which is not followed", c.what(), c.shown(to)).
			WithHint("A URL of https leads to others of https only.")
	}
	if err := object.Reachable(to, c.allow); err != nil {
		e := *sqlerr.From(err)
		e.Message = fmt.Sprintf("%s: it leads to another place: %s", c.what(), e.Message)
		return &e
	}
	return nil
}

// depersonal takes what authenticates a request out of one that goes elsewhere.
func (c *requests) depersonal(r *http.Request) {
	if r.URL.Scheme == c.url.Scheme && r.URL.Host == c.url.Host {
		return
	}
	for _, name := range c.personal {
		r.Header.Del(name)
	}
}

// request is one, which may be made several times.
type request struct {
	method string
	url    *url.URL
	header http.Header // beside those of every request
	body   []byte
	most   int64 // how long its answer may be
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	url    *url.URL // that it came from
	body   []byte
}

// failure is why a request has no answer that is of use.
type failure struct {
	error
	again   bool          // it may have one later
	after   time.Duration // then; 0: it is not known when
	status  int           // of a service's answer; 0: none came
	refused bool          // the service does not take it (4xx)
}

func (f *failure) Unwrap() error { return f.error }

// longestWait bounds the waits between two tries that no Retry-After has set.
const longestWait = 30 * time.Second

// do makes a request until it is answered, refused, or has been tried often enough.
func (c *client) do(ctx context.Context, r request) (*answer, error) {
	defer c.waits(nil)
	wait := c.config.backoff
	for try := 0; ; try++ {
		a, err := c.try(ctx, r)
		var f *failure
		if err == nil || !errors.As(err, &f) || !f.again || try == c.config.retries {
			return a, err
		}
		c.waits(f.error)
		d := wait/2 + rand.N(wait/2+1)
		if wait = min(2*wait, longestWait); f.after > 0 {
			d = min(f.after, c.config.patience)
		}
		if err := pause(ctx, d); err != nil {
			return nil, err
		}
	}
}

// post is do of who needs no more of an answer than that there is one.
func (c *client) post(ctx context.Context, r request) error {
	_, err := c.do(ctx, r)
	var said *sqlerr.Error
	if errors.As(err, &said) && said.Code == sqlerr.ProgramLimitExceeded {
		return nil // it was taken, and answered at length
	}
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// make makes the request itself.
func (c *client) make(ctx context.Context, r request) (*http.Request, error) {
	made, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	made.Header = c.config.header.Clone()
	for name, values := range r.header {
		made.Header[name] = values
	}
	c.config.depersonal(made)
	return made, nil
}

// try makes a request once.
func (c *client) try(ctx context.Context, r request) (*answer, error) {
	within, cancel := context.WithTimeout(ctx, c.config.timeout)
	defer cancel()
	made, err := c.make(within, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(made)
	if err != nil {
		return nil, c.broken(ctx, within, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 && resp.StatusCode != http.StatusNotModified {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, heard))
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
		return nil, c.refused(resp, text, r.body)
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, url: resp.Request.URL}
	if resp.ContentLength > r.most {
		return nil, c.tooLong(resp.ContentLength, r.most)
	}
	if a.body, err = io.ReadAll(io.LimitReader(resp.Body, r.most+1)); err != nil {
		return nil, c.broken(ctx, within, fmt.Errorf("the answer broke off after %d bytes: %w", len(a.body), err))
	}
	if int64(len(a.body)) > r.most {
		return nil, c.tooLong(-1, r.most)
	}
	return a, nil
}

func (c *client) tooLong(size, most int64) error {
	said := fmt.Sprintf("more than %d bytes", most)
	if size > 0 {
		said = fmt.Sprintf("%d bytes, more than %d", size, most)
	}
	return sqlerr.Errorf(sqlerr.ProgramLimitExceeded, "%s: the answer has %s", c.config.what(), said).
		WithHint("Ask for less at a time, or raise max_body.")
}

// broken words why a request has no answer, or not all of it.
func (c *client) broken(ctx, within context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var said *sqlerr.Error
	if errors.As(err, &said) {
		return said // it led to a place that is refused
	}
	why := "no connection"
	var of *url.Error
	switch {
	case within.Err() != nil || errors.As(err, &of) && of.Timeout():
		why = fmt.Sprintf("no answer within %v", c.config.timeout)
	case !errors.As(err, &of):
		why = c.config.mask(err.Error())
	}
	return &failure{again: true, error: sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: %s", c.config.what(), why).
		WithHint("Check that the service runs and is reached from here; timeout says how long it may take.")}
}

const (
	// shown is how much of an answer, and of a request, a message has.
	shown = 300
	// heard is how much of an answer is looked at for secrets: more than is shown, so
	// that none is shown in part.
	heard = 16 << 10
)

// said is what a message shows of an answer: nothing of what authenticates the request,
// which some services send back.
func (c *requests) said(text []byte) string {
	s := c.mask(string(text[:min(len(text), heard)]))
	return strings.TrimSpace(strings.ToValidUTF8(s[:min(len(s), shown)], "?"))
}

// refused words an answer that is no success.
func (c *client) refused(resp *http.Response, text, body []byte) error {
	said := fmt.Sprintf("%s: HTTP status %d", c.config.what(), resp.StatusCode)
	if t := c.config.said(text); t != "" {
		said += ": " + t
	}
	f := &failure{status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code >= 500 || slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusTooEarly}, code):
		f.again, f.after = true, retryAfter(resp.Header.Get("Retry-After"), time.Now())
		f.error = sqlerr.Errorf(sqlerr.ConnectionFailure, "%s", said).WithHint("The service is busy or out of order; the request is made again.")
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusProxyAuthRequired:
		f.error = sqlerr.Errorf(sqlerr.InvalidAuthorizationSpec, "%s", said).WithHint("Check auth_token, auth_header, username and password, or api_key.")
	case code/100 == 3:
		f.error = sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s", said).WithHint("It leads to another place; write that one as url, where http.allow names its host.")
	default:
		f.refused = true
		e := sqlerr.Errorf(sqlerr.InvalidParameterValue, "%s", said).WithHint("Send what the service takes, or set on_refusal = 'skip' to leave such rows out.")
		if len(body) == 0 {
			e = e.WithHint("Check url, and what the service takes.")
		} else {
			e = e.WithDetail("The request is %s", c.config.said(body))
		}
		f.error = e
	}
	return f
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
