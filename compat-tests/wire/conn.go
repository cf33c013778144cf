package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"
)

// patience is how long an answer may take.
const patience = 20 * time.Second

type conn struct {
	net.Conn
	front *pgproto3.Frontend
	pid   uint32
	key   []byte
}

func (c *conn) close() { c.Conn.Close() }

func (c *conn) write(b []byte) error {
	c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.Conn.Write(b); err != nil && !gone(err) {
		return fmt.Errorf("sending messages: %w", err)
	}
	return nil
}

// gone reports errors of a connection that the server has closed.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "connection reset") || strings.Contains(err.Error(), "broken pipe")
}

// startup connects with the parameters of input.
func (g Target) startup(input string) (*conn, string, error) {
	m := &pgproto3.StartupMessage{ProtocolVersion: 3 << 16, Parameters: map[string]string{}}
	show := input != ""
	for line := range strings.SplitSeq(input, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		if v, ok := strings.CutPrefix(line, "protocol="); ok {
			var major, minor uint32
			if _, err := fmt.Sscanf(v, "%d.%d", &major, &minor); err != nil {
				return nil, "", fmt.Errorf("reading the protocol: %w", err)
			}
			m.ProtocolVersion = major<<16 | minor
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		m.Parameters[name] = strings.TrimSpace(value)
	}
	if _, ok := m.Parameters["user"]; !ok {
		m.Parameters["user"] = g.User
	}
	if m.Parameters["user"] == "-" {
		delete(m.Parameters, "user")
	}
	if _, ok := m.Parameters["database"]; !ok && g.Database != "" {
		m.Parameters["database"] = g.Database
	}
	if !show {
		m.Parameters["client_min_messages"] = "notice"
	}
	nc, err := net.DialTimeout("tcp", g.Addr, patience)
	if err != nil {
		return nil, "", fmt.Errorf("connecting: %w", err)
	}
	c := &conn{Conn: nc, front: pgproto3.NewFrontend(nc, nc)}
	b, err := m.Encode(nil)
	if err != nil {
		return nil, "", fmt.Errorf("making the startup packet: %w", err)
	}
	if err := c.write(b); err != nil {
		return nil, "", err
	}
	out, err := c.read("ReadyForQuery", 1)
	return c, out, err
}

// read prints answers until the n-th message of that name, or the end. Whether a
// statement that fails before its first row has told its columns is not shown:
// that depends on whether the planner or the executor finds the mistake.
func (c *conn) read(until string, n int) (string, error) {
	var out []string
	for {
		c.SetReadDeadline(time.Now().Add(patience))
		m, err := c.front.Receive()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return "", fmt.Errorf("waiting for %s after\n%s", until, lines(out))
			}
			return lines(append(out, "EOF")), nil
		}
		if k, ok := m.(*pgproto3.BackendKeyData); ok {
			c.pid, c.key = k.ProcessID, bytes.Clone(k.SecretKey)
		}
		line := print(m)
		if strings.HasPrefix(line, "ParameterStatus ") && c.key == nil {
			// What a server announces at startup is compared by a test of its own.
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		if k := len(out) - 1; k >= 0 && name == "ErrorResponse" && strings.HasPrefix(out[k], "RowDescription") {
			out = out[:k]
		}
		out = append(out, line)
		if name == until {
			if n--; n == 0 {
				return lines(out), nil
			}
		}
	}
}

func lines(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// raw sends bytes over a connection of its own and prints what comes back.
func (g Target) raw(input string) (string, error) {
	nc, err := net.DialTimeout("tcp", g.Addr, patience)
	if err != nil {
		return "", fmt.Errorf("connecting: %w", err)
	}
	defer nc.Close()
	words, err := split(strings.ReplaceAll(input, "\n", " "))
	if err != nil {
		return "", err
	}
	for _, w := range words {
		if _, err := nc.Write([]byte(w.text)); err != nil && !gone(err) {
			return "", fmt.Errorf("sending bytes: %w", err)
		}
	}
	nc.(*net.TCPConn).CloseWrite()
	nc.SetReadDeadline(time.Now().Add(patience))
	b, err := io.ReadAll(nc)
	if err != nil && !gone(err) {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	if len(b) == 0 {
		return "EOF\n", nil
	}
	return answers(b) + "EOF\n", nil
}

// answers prints bytes as the messages that they are, or as bytes.
func answers(b []byte) string {
	var out strings.Builder
	front := pgproto3.NewFrontend(bytes.NewReader(b), io.Discard)
	for {
		m, err := front.Receive()
		if err != nil && gone(err) && out.Len() > 0 {
			return out.String()
		}
		if err != nil {
			return value(b) + "\n"
		}
		out.WriteString(print(m) + "\n")
	}
}

// cancel sends a CancelRequest and waits for the server to close.
func (g Target) cancel(c *conn, wrong bool) error {
	nc, err := net.DialTimeout("tcp", g.Addr, patience)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer nc.Close()
	key := bytes.Clone(c.key)
	if wrong {
		key[0]++
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(12+len(key)))
	b = binary.BigEndian.AppendUint32(b, 80877102)
	b = binary.BigEndian.AppendUint32(b, c.pid)
	if _, err := nc.Write(append(b, key...)); err != nil {
		return fmt.Errorf("sending the cancel request: %w", err)
	}
	nc.SetReadDeadline(time.Now().Add(patience))
	if n, err := nc.Read(make([]byte, 1)); n > 0 || err != nil && !gone(err) {
		return fmt.Errorf("a cancel request was answered with %d bytes, %w", n, err)
	}
	return nil
}

// print writes a backend message as one line.
func print(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.RowDescription:
		var b strings.Builder
		b.WriteString("RowDescription")
		for _, f := range m.Fields {
			name := string(f.Name)
			if !utf8.ValidString(name) {
				name = value(f.Name)
			}
			fmt.Fprintf(&b, " %s:%d", name, f.DataTypeOID)
			if f.TypeModifier != -1 {
				fmt.Fprintf(&b, "(%d)", f.TypeModifier)
			}
			if f.Format != 0 {
				fmt.Fprintf(&b, ":%d", f.Format)
			}
		}
		return b.String()
	case *pgproto3.DataRow:
		var b strings.Builder
		b.WriteString("DataRow")
		for _, v := range m.Values {
			b.WriteByte(' ')
			b.WriteString(value(v))
		}
		return b.String()
	case *pgproto3.CommandComplete:
		return "CommandComplete " + string(m.CommandTag)
	case *pgproto3.ReadyForQuery:
		return "ReadyForQuery " + string(rune(m.TxStatus))
	case *pgproto3.ErrorResponse:
		return "ErrorResponse " + printError(m)
	case *pgproto3.NoticeResponse:
		e := pgproto3.ErrorResponse(*m)
		return "NoticeResponse " + printError(&e)
	case *pgproto3.ParameterStatus:
		return "ParameterStatus " + m.Name + "=" + m.Value
	case *pgproto3.ParameterDescription:
		return strings.TrimSpace("ParameterDescription " + strings.Trim(fmt.Sprint(m.ParameterOIDs), "[]"))
	case *pgproto3.BackendKeyData:
		return fmt.Sprintf("BackendKeyData key of %d bytes", len(m.SecretKey))
	case *pgproto3.NotificationResponse:
		return fmt.Sprintf("NotificationResponse %q %q", m.Channel, m.Payload)
	case *pgproto3.CopyData:
		return "CopyData " + value(m.Data)
	case *pgproto3.CopyOutResponse:
		return fmt.Sprintf("CopyOutResponse %d %v", m.OverallFormat, m.ColumnFormatCodes)
	case *pgproto3.NegotiateProtocolVersion:
		return fmt.Sprintf("NegotiateProtocolVersion %d.%d %v", m.NewestMinorProtocol>>16, m.NewestMinorProtocol&0xffff, m.UnrecognizedOptions)
	}
	name := fmt.Sprintf("%T", m)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func printError(e *pgproto3.ErrorResponse) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %q", e.Severity, e.Code, e.Message)
	for _, f := range []struct{ name, text string }{{"detail", e.Detail}, {"hint", e.Hint}, {"where", e.Where}} {
		if f.text != "" {
			fmt.Fprintf(&b, " %s=%q", f.name, f.text)
		}
	}
	if e.Position != 0 {
		fmt.Fprintf(&b, " position=%d", e.Position)
	}
	return b.String()
}

var controls = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`)

// value prints bytes as quoted text where they are text, else as hex.
func value(b []byte) string {
	if b == nil {
		return "NULL"
	}
	if utf8.Valid(b) && bytes.IndexFunc(b, func(r rune) bool { return r < 32 && r != '\n' && r != '\t' && r != '\r' || r == 127 }) < 0 {
		return "'" + controls.Replace(string(b)) + "'"
	}
	return `\x` + hex.EncodeToString(b)
}
