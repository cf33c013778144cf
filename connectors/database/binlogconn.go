package database

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"strings"
	"sync"
	"time"

	wire "github.com/go-mysql-org/go-mysql/client"
	protocol "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-sql-driver/mysql"

	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
)

const (
	// binlogBeat is how often the server says that it has nothing.
	binlogBeat = 5 * time.Second
	// binlogPatience is how long it may say nothing at all before it is taken for gone.
	binlogPatience = 6 * binlogBeat
	// binlogAhead is how many events lie ready: the server waits for who does not take
	// them. An event is a few rows, or one that is longer.
	binlogAhead = 16
)

// binlogConn is a connection that a server sends its binlog over.
type binlogConn struct {
	config *config
	conn   *wire.Conn
	events chan binlogPacket
	stop   chan struct{}
	once   sync.Once
	reads  sync.WaitGroup
}

// binlogPacket is an event, or what ended the connection.
type binlogPacket struct {
	event []byte
	err   error
}

// dial connects as a replica does.
func (c *config) dial(ctx context.Context) (*binlogConn, error) {
	mc, err := c.server.mysqlConfig(c.timeout)
	if err != nil {
		return nil, err
	}
	conn, err := c.dialTLS(ctx, mc, mc.TLS)
	if err != nil && mc.AllowFallbackToPlaintext && strings.Contains(err.Error(), "does not support TLS") {
		conn, err = c.dialTLS(ctx, mc, nil)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.unreachable(ofServer(err))
	}
	return &binlogConn{config: c, conn: conn, events: make(chan binlogPacket, binlogAhead), stop: make(chan struct{})}, nil
}

func (c *config) dialTLS(ctx context.Context, mc *mysql.Config, secure *tls.Config) (*wire.Conn, error) {
	stop := func() bool { return true }
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: mc.Timeout}).DialContext(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { _ = conn.Close() }) // which ends what follows
		}
		if err == nil && mc.Timeout > 0 { // for what follows too, until the server knows us
			err = conn.SetDeadline(time.Now().Add(mc.Timeout))
		}
		return conn, err
	}
	var conn *wire.Conn
	err := understood(func() (err error) {
		conn, err = wire.ConnectWithDialer(ctx, mc.Net, mc.Addr, mc.User, mc.Passwd, "", dial, func(w *wire.Conn) error {
			w.SetTLSConfig(secure)
			return nil
		})
		return err
	})
	if !stop() && ctx.Err() != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

// understood runs what takes apart what a server has sent: go-mysql's readers look beyond
// the end of what is cut short.
func understood(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("what the server sent is not understood: %v", p)
		}
	}()
	return read()
}

// asking runs requests whose answers come at once. They end with ctx, and after the
// connection's timeout.
func (b *binlogConn) asking(ctx context.Context, ask func() error) error {
	if b.config.timeout > 0 {
		if err := b.conn.SetDeadline(time.Now().Add(b.config.timeout)); err != nil {
			return b.config.failure("reading the binlog", err)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = b.conn.Conn.Conn.Close() }) // the socket alone, which ends the request
	err := understood(ask)
	if !stop() && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	return b.conn.SetDeadline(time.Time{})
}

// ofServer is a server's error as the driver of the other sessions has it.
func ofServer(err error) error {
	var my *protocol.MyError
	if !errors.As(err, &my) {
		return err
	}
	e := &mysql.MySQLError{Number: my.Code, Message: my.Message}
	copy(e.SQLState[:], my.State)
	return e
}

// command sends one of the protocol's commands, and set runs a statement.
func (b *binlogConn) command(data []byte) error {
	b.conn.ResetSequence()
	return b.conn.WritePacket(append(make([]byte, 4), data...)) // behind room for its header
}

func (b *binlogConn) set(text string) error {
	_, err := b.conn.Execute(text)
	return ofServer(err)
}

// register tells the server which replica this is, which needs the privilege to be one.
func (b *binlogConn) register(ctx context.Context, id uint32) error {
	return b.asking(ctx, func() error { return b.registered(id) })
}

func (b *binlogConn) registered(id uint32) error {
	c := b.config
	data := []byte{protocol.COM_REGISTER_SLAVE}
	data = binary.LittleEndian.AppendUint32(data, id)
	data = append(data, byte(len("ferrisstreams")))
	data = append(data, "ferrisstreams"...)
	data = append(data, 0, 0)                // its user, its password
	data = append(data, make([]byte, 10)...) // its port, its rank, its own source
	if err := b.command(data); err != nil {
		return c.failure("registering as a replica", err)
	}
	_, err := b.conn.ReadOKPacket()
	if err = ofServer(err); err == nil {
		return nil
	}
	if f := (mysqlDialect{}).fault(err); f != nil && (f.code == sqlerr.InsufficientPrivilege || f.code == sqlerr.InvalidPassword) {
		return c.mayNotReplicate(err)
	}
	return c.failure("registering as a replica", err)
}

// dump has the server send its log from a position on.
func (b *binlogConn) dump(ctx context.Context, id uint32, from binlogAt, server binlogServer, executed []byte) error {
	err := b.asking(ctx, func() error { return b.dumped(id, from, server, executed) })
	if err == nil {
		b.reads.Go(b.receive)
	}
	return err
}

func (b *binlogConn) dumped(id uint32, from binlogAt, server binlogServer, executed []byte) error {
	settings := []string{
		"SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, @source_binlog_checksum = @@GLOBAL.binlog_checksum",
		fmt.Sprintf("SET @master_heartbeat_period = %d, @source_heartbeat_period = %[1]d", binlogBeat.Nanoseconds()),
		"SET SESSION net_write_timeout = 86400",
	}
	if server.maria {
		settings = append(settings, "SET @mariadb_slave_capability = 4") // it knows GTIDs
		if !from.byFile {
			settings = append(settings, "SET @slave_connect_state = "+quoteText(from.gtids), "SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
		}
	}
	for _, text := range settings {
		if err := b.set(text); err != nil {
			return b.config.failure("preparing to read the binlog", err)
		}
	}
	if err := b.registered(id); err != nil {
		return err
	}
	var data []byte
	if executed != nil {
		data = []byte{protocol.COM_BINLOG_DUMP_GTID, 0, 0}
		data = binary.LittleEndian.AppendUint32(data, id)
		data = binary.LittleEndian.AppendUint32(data, 0) // no file's name
		data = binary.LittleEndian.AppendUint64(data, 4)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(executed)))
		data = append(data, executed...)
	} else {
		data = []byte{protocol.COM_BINLOG_DUMP}
		data = binary.LittleEndian.AppendUint32(data, uint32(max(4, from.pos)))
		data = append(data, 0, 0)
		data = binary.LittleEndian.AppendUint32(data, id)
		data = append(data, from.file...)
	}
	if err := b.command(data); err != nil {
		return b.config.failure("reading the binlog", err)
	}
	return nil
}

// receive takes what the server sends, until it ends or the connection is closed.
func (b *binlogConn) receive() {
	for {
		var p binlogPacket
		if err := understood(func() error { p = b.packet(); return nil }); err != nil {
			p = binlogPacket{err: err}
		}
		select {
		case b.events <- p:
		case <-b.stop:
			return
		}
		if p.err != nil {
			return
		}
	}
}

func (b *binlogConn) packet() binlogPacket {
	if err := b.conn.SetReadDeadline(time.Now().Add(binlogPatience)); err != nil {
		return binlogPacket{err: err}
	}
	data, err := b.conn.ReadPacket()
	switch {
	case err != nil:
		return binlogPacket{err: err}
	case len(data) == 0:
		return binlogPacket{err: errors.New("an empty packet")}
	case data[0] == protocol.ERR_HEADER:
		return binlogPacket{err: ofServer(b.conn.HandleErrorPacket(data))}
	case data[0] == protocol.EOF_HEADER:
		return binlogPacket{err: errors.New("the server is shutting down")}
	}
	return binlogPacket{event: data[1:]}
}

// close ends the connection, and waits for who reads it.
func (b *binlogConn) close() {
	b.once.Do(func() {
		close(b.stop)
		_ = b.conn.Conn.Conn.Close() // the socket alone: who reads has the rest
	})
	b.reads.Wait()
}

// replicaIDs begin there: those that people give to servers are low numbers.
const replicaIDs = 1 << 31

// replicaID is the number that a reader has among the server's replicas. A query has one
// of its own.
func (c *config) replicaID(reader string) uint32 {
	if _, _, job := strings.Cut(reader, "/"); !job {
		return probeID()
	}
	if c.serverID != 0 {
		return c.serverID
	}
	h := fnv.New32a()
	h.Write([]byte(reader))
	return replicaIDs | h.Sum32()
}

// probeID is one that nobody else has.
func probeID() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return replicaIDs | binary.LittleEndian.Uint32(b[:])
}
