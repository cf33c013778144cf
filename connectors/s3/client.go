package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/connectors/object"
)

// client is a connection pool to a store. Any goroutine may use it.
type client struct {
	core      minio.Core
	transport *http.Transport
}

// newClient connects to nothing yet.
func newClient(c config) (*client, error) {
	dial := object.Dialer(c.allow, c.timeout)
	cl := &client{}
	cl.transport = &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: c.tls,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &patient{Conn: conn, limit: c.timeout}, nil
		},
		TLSHandshakeTimeout:   c.timeout,
		ResponseHeaderTimeout: c.timeout,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		DisableCompression:    true, // an object's bytes are what is stored
	}
	lookup := minio.BucketLookupPath
	if c.lookup == "host" {
		lookup = minio.BucketLookupDNS
	}
	core, err := minio.NewCore(c.host, &minio.Options{
		Creds: c.creds, Secure: c.secure, Region: c.region, Transport: cl.transport, BucketLookup: lookup, MaxRetries: c.retries + 1,
	})
	if err != nil {
		return nil, sqlerr.Errorf(sqlerr.InvalidParameterValue, "the endpoint of %q: %w", c.relation, err)
	}
	cl.core = *core
	return cl, nil
}

// Close closes the connections that are idle; it may be called twice.
func (cl *client) Close() error {
	cl.transport.CloseIdleConnections()
	return nil
}

// patient is a connection whose other side may be silent for a while only. Its reads
// and writes are what is waited for: a body of any length is as long as it takes.
type patient struct {
	net.Conn
	limit time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.limit)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// reply is a store's own error, where err is one.
func reply(err error) (minio.ErrorResponse, bool) {
	var r minio.ErrorResponse
	ok := errors.As(err, &r)
	return r, ok && r.Code != ""
}

// isReply reports whether err is a store's own of one of the codes.
func isReply(err error, codes ...string) bool {
	r, ok := reply(err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if r.Code == c {
			return true
		}
	}
	return false
}

// failure words what the store, or the way to it, says. doing is a gerund and its
// object, the object with its URL. What passes by itself is a connection failure, which
// a job waits out.
func (c *config) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var said *sqlerr.Error
	if errors.As(err, &said) {
		return err
	}
	r, ok := reply(err)
	if !ok {
		return sqlerr.Errorf(sqlerr.ConnectionFailure, "%s: S3 at %s: %w", doing, c.host, err).
			WithHint("Check that the store runs, that endpoint is right and reached from here, and that there are credentials (%s).", c.how)
	}
	code, hint := kindOf(r, c)
	return sqlerr.Errorf(code, "%s: S3 at %s: %s (%s)", doing, c.host, textOf(r), r.Code).WithHint("%s", hint)
}

// textOf is the store's text, or the code where it says nothing.
func textOf(r minio.ErrorResponse) string {
	if r.Message == "" {
		return fmt.Sprintf("HTTP status %d", r.StatusCode)
	}
	return r.Message
}

// kindOf is a store's error as an SQLSTATE, with what to do about it.
func kindOf(r minio.ErrorResponse, c *config) (sqlerr.Code, string) {
	switch r.Code {
	case "NoSuchBucket":
		// As a topic that is not there: a job that runs waits for it.
		return sqlerr.UndefinedTable, "Create bucket " + c.bucket + ", or name another one; a job goes on when it is there."
	case "NoSuchKey":
		return sqlerr.UndefinedFile, "It was removed since it was listed; put it back, or set on_data_loss = 'continue'."
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "InvalidToken":
		return sqlerr.ConnectionFailure, "The credentials have expired (" + c.how + "): renew them; a job goes on when they are renewed where they are taken from."
	case "RequestTimeTooSkewed":
		return sqlerr.ConnectionFailure, "Set the clock of this machine, or of the store."
	case "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed":
		return sqlerr.InvalidPassword, "Check access_key_id, secret_access_key and region (credentials: " + c.how + ")."
	case "AccessDenied", "AllAccessDisabled", "AccountProblem", "KMS.AccessDeniedException":
		return sqlerr.InsufficientPrivilege, "Grant the user s3:GetObject and s3:ListBucket, and of a sink s3:PutObject, s3:AbortMultipartUpload and s3:ListBucketMultipartUploads, on bucket " + c.bucket + " (credentials: " + c.how + ")."
	case "QuotaExceeded", "XMinioStorageFull", "InsufficientStorage":
		return sqlerr.DiskFull, "Make room in the store."
	case "NotImplemented":
		return sqlerr.FeatureNotSupported, "The store does not know what was asked for; leave out sse, or use another one."
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "XMinioServerNotInitialized":
		return sqlerr.ConnectionFailure, "The store is busy or restarts; it is tried again."
	}
	switch {
	case r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests || r.StatusCode == http.StatusRequestTimeout:
		return sqlerr.ConnectionFailure, "The store is busy or restarts; it is tried again."
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
		return sqlerr.InsufficientPrivilege, "Check the credentials (" + c.how + ") and what they may do on bucket " + c.bucket + "."
	case r.StatusCode == http.StatusNotFound:
		return sqlerr.UndefinedFile, "Check endpoint, bucket and key."
	}
	return sqlerr.IOError, "Check endpoint, region and path_style."
}
