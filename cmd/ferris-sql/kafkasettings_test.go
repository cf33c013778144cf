package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/config"
)

// kafkaSettings shows what each setting of kafka does that is an option of its streams and
// sinks.
func kafkaSettings() map[string]func(*testing.T) {
	tests := map[string]func(*testing.T){}
	// A value that the option does not take, and what the start's error says of it.
	for name, c := range map[string][2]string{
		"security_protocol": {"TLS", `"security.protocol"`}, "sasl.mechanism": {"MAGIC", `"sasl.mechanism"`}, "sasl_mechanisms": {"MAGIC", `"sasl.mechanism"`},
		"fetch_min_bytes": {"lots", `"fetch.min.bytes"`}, "fetch_max_wait_ms": {"soon", `"fetch.max.wait.ms"`}, "max_partition_fetch_bytes": {"1", `"max.partition.fetch.bytes"`},
		"max_poll_records": {"0", `"max.poll.records"`}, "session_timeout_ms": {"soon", `"session.timeout.ms"`}, "heartbeat_interval_ms": {"soon", `"heartbeat.interval.ms"`},
		"consumer.fetch_min_bytes": {"lots", `"fetch.min.bytes"`}, "consumer.fetch_max_wait_ms": {"soon", `"fetch.max.wait.ms"`}, "consumer.max_partition_fetch_bytes": {"1", `"max.partition.fetch.bytes"`},
		"consumer.max_poll_records": {"0", `"max.poll.records"`}, "consumer.session_timeout_ms": {"soon", `"session.timeout.ms"`}, "consumer.heartbeat_interval_ms": {"soon", `"heartbeat.interval.ms"`},
		"consumer.enable_auto_commit": {"true", "checkpoint.interval"}, "consumer.isolation_level": {"dirty", "read_uncommitted"},
		"acks": {"2", `"acks"`}, "enable_idempotence": {"perhaps", `"enable.idempotence"`}, "retries": {"3", "enable.idempotence = 'false'"}, "batch_size": {"0", `"batch.size"`},
		"linger_ms": {"soon", `"linger.ms"`}, "buffer_memory": {"1", `"buffer.memory"`}, "compression_type": {"zip", "gzip, snappy, lz4"},
		"producer.acks": {"2", `"acks"`}, "producer.enable_idempotence": {"perhaps", `"enable.idempotence"`}, "producer.retries": {"3", "enable.idempotence = 'false'"}, "producer.batch_size": {"0", `"batch.size"`},
		"producer.linger_ms": {"soon", `"linger.ms"`}, "producer.buffer_memory": {"1", `"buffer.memory"`}, "producer.compression_type": {"zip", "gzip, snappy, lz4"},
	} {
		tests["kafka."+name] = func(t *testing.T) {
			p, err := startProcess(t.Context(), configOf(t, "kafka.ssl_verify_hostname: true\nkafka."+name+": "+c[0]), true, quietLogger())
			if err == nil {
				p.close()
			}
			if place := "ferris.yaml: line 2: kafka." + name + ": "; err == nil || !strings.Contains(err.Error(), c[1]) || !strings.Contains(err.Error(), place) {
				t.Errorf("a start with %s: %v, want an error that says %s and %s", c[0], err, c[1], place)
			}
		}
	}
	// What a stream of the server's brokers says of a file or variable that is not there, or
	// of a realm that nobody knows; neither is in file.roots or sql.allowed_env.
	const sasl, kerberos = "security_protocol: SASL_PLAINTEXT, ", "security_protocol: SASL_PLAINTEXT, sasl: {mechanism: GSSAPI, "
	for name, c := range map[string][3]string{
		"ssl.ca_location":            {"{security_protocol: SSL, ssl.ca_location: /nowhere/ca.pem}", "58P01", "/nowhere/ca.pem"},
		"ssl.certificate_location":   {"{security_protocol: SSL, ssl: {certificate_location: /nowhere/cert.pem, key_location: /nowhere/key.pem}}", "58P01", "/nowhere/cert.pem"},
		"ssl.key_location":           {"{security_protocol: SSL, ssl: {certificate_location: KRB5, key_location: /nowhere/key.pem}}", "58P01", "/nowhere/key.pem"},
		"sasl.username_env":          {"{" + sasl + "sasl: {username_env: NOT_SET_HERE, password_file: KRB5}}", "22023", "NOT_SET_HERE"},
		"sasl.username_file":         {"{" + sasl + "sasl: {username_file: /nowhere/user, password_file: KRB5}}", "58P01", "/nowhere/user"},
		"sasl.password_env":          {"{" + sasl + "sasl: {username: me, password_env: NOT_SET_HERE}}", "22023", "NOT_SET_HERE"},
		"sasl.password_file":         {"{" + sasl + "sasl: {username: me, password_file: /nowhere/password}}", "58P01", "/nowhere/password"},
		"sasl.username":              {"{" + kerberos + "username: me@NOWHERE.TEST, password_file: KRB5, kerberos.krb5_conf: KRB5}}", "22023", "NOWHERE.TEST"},
		"sasl.kerberos.principal":    {"{" + kerberos + "password_file: KRB5, kerberos: {principal: me@NOWHERE.TEST, krb5_conf: KRB5}}}", "22023", "NOWHERE.TEST"},
		"sasl.kerberos.keytab":       {"{" + kerberos + "kerberos: {principal: me, keytab: /nowhere/keytab, krb5_conf: KRB5}}}", "58P01", "/nowhere/keytab"},
		"sasl.kerberos.krb5_conf":    {"{" + kerberos + "kerberos: {principal: me, keytab: KRB5, krb5_conf: /nowhere/krb5.conf}}}", "58P01", "/nowhere/krb5.conf"},
		"sasl.kerberos.service_name": {"{" + kerberos + "kerberos: {principal: me, keytab: KRB5, krb5_conf: KRB5, service_name: kafka}}}", "22023", "is no keytab"},
	} {
		tests["kafka."+name] = func(t *testing.T) {
			krb5 := filepath.Join(t.TempDir(), "krb5.conf")
			if err := os.WriteFile(krb5, []byte("[libdefaults]\ndefault_realm = SHOP.TEST\n[realms]\nSHOP.TEST = {\nkdc = 127.0.0.1:1\n}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			conn := gatewayOf(t, "kafka.brokers: "+freeAddr(t)+"\nfile.roots: ["+t.TempDir()+"]\nkafka: "+strings.ReplaceAll(c[0], "KRB5", krb5))
			_, err := ask(t, conn, "CREATE STREAM s WITH (type = 'kafka', topic = 't')")
			wantCode(t, err, c[1], c[2])
		}
	}
	for _, name := range []string{"kafka.ssl_verify_hostname", "kafka.ssl_check_hostname"} {
		tests[name] = func(t *testing.T) {
			for text, want := range map[string]string{"true": "https", "false": "none"} {
				got := configOf(t, name+": "+text).Kafka
				if !slices.Equal(got, []config.KafkaOption{{Setting: name, Key: "ssl.endpoint.identification.algorithm", Value: want, Line: 1}}) {
					t.Errorf("%s: %v, want %s", text, got, want)
				}
			}
		}
	}
	return tests
}

// TestKafkaSecurityStaysAtHome: the server's user and password are for its own brokers, and
// not mixed with what a declaration says of security.
func TestKafkaSecurityStaysAtHome(t *testing.T) {
	addr := freeAddr(t)
	conn := gatewayOf(t, "kafka: {brokers: '"+freeAddr(t)+"', security_protocol: SASL_PLAINTEXT, sasl: {username: me, password_env: NOT_SET_HERE}}")
	_, err := ask(t, conn, "CREATE STREAM s WITH (type = 'kafka', topic = 't')")
	wantCode(t, err, "22023", "NOT_SET_HERE")
	for _, options := range []string{"'bootstrap.servers' = '" + addr + "'", "brokers = '" + addr + "'", "'security.protocol' = 'PLAINTEXT'"} {
		_, err := ask(t, conn, "CREATE STREAM s WITH (type = 'kafka', topic = 't', "+options+")")
		wantCode(t, err, "08001", "could not connect")
	}
}
