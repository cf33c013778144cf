package systems

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestS3Formats writes Protobuf and changes of rows into objects, and reads them back.
func TestS3Formats(t *testing.T) {
	p, server := withStore(t)
	const proto = `syntax = "proto3"; message M { int64 id = 1; string name = 2; }`
	into := func(sink, format, more string) string {
		return fmt.Sprintf(" INTO %s WITH ('%[1]s.type' = 's3', '%[1]s.path' = 's3://shop/%[1]s/', '%[1]s.format' = '%[2]s', %[3]s%[4]s)", sink, format, more, prefixed(sink, p.expand("$s3")))
	}
	p.here("SELECT g AS id, 'x' || g AS name FROM generate_series(1, 3) g" + into("messages", "protobuf", "'messages.compression' = 'zstd', 'messages.protobuf.schema' = '"+proto+"', "))
	p.same(keys(t, server, "messages/"), "messages/ID.pb.zst")
	p.here("CREATE STREAM messages_back WITH (type = 's3', path = 's3://shop/messages/', format = 'protobuf', 'protobuf.schema' = '" + proto + "', $s3)")
	p.same(p.here("SELECT id, name, _offset FROM messages_back ORDER BY id"), "1|x1|0", "2|x2|7", "3|x3|14")
	server.Put(t, "shop", "cut/a.pb", "\x06\x08\x01\x12\x02x1\x07\x08")
	p.here("CREATE STREAM cut WITH (type = 's3', path = 's3://shop/cut/', format = 'protobuf', 'protobuf.schema' = '" + proto + "', $s3)")
	p.fails("SELECT * FROM cut", "XX001", `object "s3://shop/cut/a.pb", offset 7: the object ends within a message`)

	for sink, format := range map[string]string{"lines": "debezium-json", "blocks": "debezium-avro"} {
		p.here("SELECT g AS id, 'x' || g AS name FROM generate_series(1, 3) g" + into(sink, format, ""))
		p.here(fmt.Sprintf("CREATE STREAM %s_back (id int PRIMARY KEY, name text) WITH (type = 's3', path = 's3://shop/%[1]s/', format = '%s', $s3)", sink, format))
		p.same(p.here("SELECT id, name, _op FROM "+sink+"_back ORDER BY id"), "1|x1|c", "2|x2|c", "3|x3|c")
	}
	p.same(keys(t, server, "lines/"), "lines/ID.json")
	p.same(keys(t, server, "blocks/"), "blocks/ID.avro")
	p.fails("SELECT 1 AS id, 2 AS part"+into("parted", "debezium-json", "'parted.partition_columns' = 'part', "), "0A000", "whose records are changes")
	p.fails("SELECT 1 AS id, now() AS at"+into("timed", "debezium-avro", "'timed.time_column' = 'at', "), "0A000", "whose records are changes")
	p.fails("SELECT 1 AS id"+into("sole", "protobuf", "'sole.protobuf.framing' = 'none', "), "0A000", "of which a file is one message")
}

// TestS3ChangesKilled kills the gateway at random while a job writes the changes of groups
// into objects of few records, of which several begin within a second: read by their names
// they are what the table's rows come to.
func TestS3ChangesKilled(t *testing.T) {
	p, server := withStore(t)
	p.here("CREATE TABLE items (id int PRIMARY KEY, kind text, price int)")
	p.here("INSERT INTO items SELECT g, 'kind ' || g % 50, g FROM generate_series(1, 500) g")
	for sink, format := range map[string]string{"lines": "debezium-json", "blocks": "debezium-avro"} {
		p.here(fmt.Sprintf("START JOB %s AS SELECT kind, count(*) AS n, sum(price) AS total FROM items GROUP BY kind INTO %[1]s WITH ('checkpoint.interval' = '20ms', '%[1]s.type' = 's3', '%[1]s.path' = 's3://shop/%[1]s/',"+
			" '%[1]s.format' = '%[2]s', '%[1]s.roll.interval' = '100ms', '%[1]s.roll.size' = '1KB', %[3]s)", sink, format, prefixed(sink, p.expand("$s3"))))
		p.here(fmt.Sprintf("CREATE STREAM %s_back (kind text PRIMARY KEY, n bigint, total bigint) WITH (type = 's3', path = 's3://shop/%[1]s/', format = '%s', $s3)", sink, format))
	}
	objects := 0
	for range p.kills() {
		p.here("UPDATE items SET price = price + 1, kind = 'kind ' || (id + price) % 50 WHERE id % 3 > 0")
		p.here("DELETE FROM items WHERE kind = 'kind " + fmt.Sprint(rand.IntN(50)) + "'")
		p.eventually(func() []string { return []string{fmt.Sprint(len(server.All(t, "shop", "lines/")) > objects)} }, "true")
		objects = len(server.All(t, "shop", "lines/"))
		p.wait(time.Duration(rand.IntN(120)) * time.Millisecond)
		p.gateway.Kill()
		p.again()
	}
	want := p.here("SELECT kind, count(*), sum(price) FROM items GROUP BY kind ORDER BY kind")
	for _, sink := range []string{"lines", "blocks"} {
		p.eventually(func() []string { return p.here("SELECT kind, n, total FROM " + sink + "_back ORDER BY kind") }, want...)
		if dots := strings.Count(strings.Join(keys(t, server, sink+"/"), " "), "ID."); dots < 3 {
			t.Errorf("%d objects of %s", dots, sink)
		}
	}
}
