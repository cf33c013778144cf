// Package wire runs scripts of protocol messages against a Postgres server and
// prints what it answers, so that two servers can be compared message by
// message. A script is a datadriven file; its commands are
//
//	startup [conn=a]        connects; the input are startup parameters, a key
//	                        and a value a line, and protocol=3.2 to ask for that
//	send [conn=a] [until=X] sends messages and prints the answers: as many
//	                        ReadyForQuery as the input has Query, FunctionCall
//	                        and Sync, or up to the first X, or to the end of the
//	                        connection; ready=N where the server drops some
//	write [conn=a]          sends messages and reads nothing
//	read [conn=a] [until=X] prints answers to the next ReadyForQuery, or X
//	cancel [conn=a]         sends a CancelRequest for that connection; key=wrong
//	                        with a key that is not its own
//	raw                     opens a connection, sends the bytes of the input (in
//	                        hex, or quoted) and prints all that is answered
//	close [conn=a]          closes the connection
//
// A connection that was not started is started with the target's user. The
// messages are
//
//	Query "select 1"
//	Parse "name" "select $1" 23
//	Bind "portal" "name" 'text' NULL \x00000001 params=0,0,1 results=1
//	Describe S "name"       Describe P "portal"
//	Execute "portal" 10     Close S "name"
//	Sync  Flush  Terminate  FunctionCall  CopyDone  CopyFail "why"  CopyData "x"
//	Raw Q "body"            a message of that type with any body
//	Header Q 2147483647     the beginning of a message: a type, and what its length is said to be
package wire

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5/pgproto3"
)

// Target is the server that scripts run against.
type Target struct {
	Addr     string
	User     string
	Database string
	// Rewriter changes a line of the answers before it is compared: what two
	// right servers may say differently. nil changes nothing.
	Rewriter func(line string) string
}

// Run runs the script at path.
func (g Target) Run(t *testing.T, path string) {
	t.Helper()
	s := &script{target: g, conns: map[string]*conn{}}
	defer s.close()
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		out, err := s.command(t, d)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		if g.Rewriter != nil {
			lines := strings.SplitAfter(out, "\n")
			for i, l := range lines {
				if text, ok := strings.CutSuffix(l, "\n"); ok {
					lines[i] = g.Rewriter(text) + "\n"
				}
			}
			out = strings.Join(lines, "")
		}
		return out
	})
}

type script struct {
	target Target
	conns  map[string]*conn
}

func (s *script) close() {
	for _, c := range s.conns {
		c.close()
	}
}

func (s *script) command(t *testing.T, d *datadriven.TestData) (string, error) {
	name, until := "a", ""
	if d.HasArg("conn") {
		d.ScanArgs(t, "conn", &name)
	}
	if d.HasArg("until") {
		d.ScanArgs(t, "until", &until)
	}
	switch d.Cmd {
	case "startup":
		c, out, err := s.target.startup(d.Input)
		if err == nil {
			if old := s.conns[name]; old != nil {
				old.close()
			}
			s.conns[name] = c
		}
		return out, err
	case "raw":
		return s.target.raw(d.Input)
	}
	c, err := s.conn(name)
	if err != nil {
		return "", err
	}
	switch d.Cmd {
	case "send", "write":
		b, syncs, err := encode(d.Input)
		if err != nil {
			return "", err
		}
		if err := c.write(b); err != nil {
			return "", err
		}
		if d.Cmd == "write" {
			return "", nil
		}
		if until != "" {
			return c.read(until, 1)
		}
		if d.HasArg("ready") {
			d.ScanArgs(t, "ready", &syncs)
		}
		return c.read("ReadyForQuery", max(syncs, 1))
	case "read":
		if until == "" {
			until = "ReadyForQuery"
		}
		return c.read(until, 1)
	case "cancel":
		return "", s.target.cancel(c, d.HasArg("key"))
	case "close":
		c.close()
		delete(s.conns, name)
		return "", nil
	}
	return "", fmt.Errorf("unknown command %q", d.Cmd)
}

func (s *script) conn(name string) (*conn, error) {
	if c := s.conns[name]; c != nil {
		return c, nil
	}
	c, out, err := s.target.startup("")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(out, "ReadyForQuery") {
		return nil, fmt.Errorf("starting connection %s: %s", name, out)
	}
	s.conns[name] = c
	return c, nil
}

// encode turns lines into messages and counts those that ReadyForQuery follows.
func encode(input string) (b []byte, syncs int, err error) {
	for line := range strings.SplitSeq(input, "\n") {
		words, err := split(line)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", line, err)
		}
		if len(words) == 0 {
			continue
		}
		m, err := parseMessage(words)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", line, err)
		}
		switch words[0].text {
		case "Query", "Sync", "FunctionCall":
			syncs++
		case "Raw":
			if k := words[1].text; k == "Q" || k == "S" || k == "F" {
				syncs++
			}
		}
		if b, err = m(b); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", line, err)
		}
	}
	return b, syncs, nil
}

// word is a token of a message: quoted in ' or ", hex behind \x, or bare.
type word struct {
	text   string
	quoted bool
}

func split(line string) ([]word, error) {
	var words []word
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		switch {
		case rest[0] == '#':
			return words, nil
		case rest[0] == '"':
			q, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, fmt.Errorf("reading a string: %w", err)
			}
			text, err := strconv.Unquote(q)
			if err != nil {
				return nil, fmt.Errorf("reading a string: %w", err)
			}
			words, rest = append(words, word{text, true}), rest[len(q):]
		case rest[0] == '\'':
			end := strings.IndexByte(rest[1:], '\'')
			if end < 0 {
				return nil, fmt.Errorf("a quote is not closed")
			}
			words, rest = append(words, word{rest[1 : end+1], true}), rest[end+2:]
		default:
			end := strings.IndexByte(rest, ' ')
			if end < 0 {
				end = len(rest)
			}
			text := rest[:end]
			rest = rest[end:]
			if digits, ok := strings.CutPrefix(text, `\x`); ok {
				raw, err := hex.DecodeString(digits)
				if err != nil {
					return nil, fmt.Errorf("reading hex: %w", err)
				}
				words = append(words, word{string(raw), true})
				continue
			}
			words = append(words, word{text, false})
		}
	}
	return words, nil
}

type appender func([]byte) ([]byte, error)

func parseMessage(w []word) (appender, error) {
	arg := func(i int) string {
		if i < len(w) {
			return w[i].text
		}
		return ""
	}
	kind := func() byte { return (arg(1) + "S")[0] }
	switch w[0].text {
	case "Query":
		return (&pgproto3.Query{String: arg(1)}).Encode, nil
	case "Parse":
		m := &pgproto3.Parse{Name: arg(1), Query: arg(2)}
		for i := 3; i < len(w); i++ {
			oid, err := strconv.ParseUint(arg(i), 10, 32)
			if err != nil {
				return nil, fmt.Errorf("reading an OID: %w", err)
			}
			m.ParameterOIDs = append(m.ParameterOIDs, uint32(oid))
		}
		return m.Encode, nil
	case "Bind":
		return parseBind(w)
	case "Describe":
		return (&pgproto3.Describe{ObjectType: kind(), Name: arg(2)}).Encode, nil
	case "Execute":
		n, _ := strconv.ParseUint(arg(2), 10, 32)
		return (&pgproto3.Execute{Portal: arg(1), MaxRows: uint32(n)}).Encode, nil
	case "Close":
		return (&pgproto3.Close{ObjectType: kind(), Name: arg(2)}).Encode, nil
	case "Sync":
		return (&pgproto3.Sync{}).Encode, nil
	case "Flush":
		return (&pgproto3.Flush{}).Encode, nil
	case "Terminate":
		return (&pgproto3.Terminate{}).Encode, nil
	case "FunctionCall":
		return (&pgproto3.FunctionCall{Function: 1}).Encode, nil
	case "CopyData":
		return (&pgproto3.CopyData{Data: []byte(arg(1))}).Encode, nil
	case "CopyDone":
		return (&pgproto3.CopyDone{}).Encode, nil
	case "CopyFail":
		return (&pgproto3.CopyFail{Message: arg(1)}).Encode, nil
	case "Raw":
		return func(b []byte) ([]byte, error) {
			body := arg(2)
			n := len(body) + 4
			b = append(b, kind(), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
			return append(b, body...), nil
		}, nil
	case "Header":
		n, err := strconv.ParseUint(arg(2), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading a length: %w", err)
		}
		return func(b []byte) ([]byte, error) {
			return append(b, kind(), byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), nil
		}, nil
	}
	return nil, fmt.Errorf("unknown message")
}

func parseBind(w []word) (appender, error) {
	m := &pgproto3.Bind{}
	for i := 1; i < len(w); i++ {
		switch text := w[i].text; {
		case i == 1:
			m.DestinationPortal = text
		case i == 2:
			m.PreparedStatement = text
		case !w[i].quoted && text == "NULL":
			m.Parameters = append(m.Parameters, nil)
		case !w[i].quoted && strings.HasPrefix(text, "params="):
			m.ParameterFormatCodes = codes(text[len("params="):])
		case !w[i].quoted && strings.HasPrefix(text, "results="):
			m.ResultFormatCodes = codes(text[len("results="):])
		default:
			m.Parameters = append(m.Parameters, []byte(text))
		}
	}
	return m.Encode, nil
}

func codes(s string) []int16 {
	var out []int16
	for c := range strings.SplitSeq(s, ",") {
		n, _ := strconv.Atoi(c)
		out = append(out, int16(n))
	}
	return out
}
