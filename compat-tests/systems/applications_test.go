package systems

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/gateway"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/objects"
	"github.com/ferrisstreams/ferrisstreams/compat-tests/postgres"
	"github.com/ferrisstreams/ferrisstreams/connectors/kafka"
)

// application is one of examples/ that runs over several systems, in a directory
// of its own.
type application struct {
	*pair
	store *objects.Server
	hook  *hook
	dir   string
}

// startApplication starts what an application needs: a broker, a store with buckets, a
// web service, a gateway with the application's configuration in a copy of its directory.
func startApplication(t *testing.T, name string, buckets ...string) *application {
	t.Helper()
	root, err := gateway.Root()
	if err != nil {
		t.Fatal(err)
	}
	a := &application{pair: &pair{T: t}, store: objects.Start(t), hook: startHook(t), dir: t.TempDir()}
	if err := os.CopyFS(a.dir, os.DirFS(filepath.Join(root, "examples", name))); err != nil {
		t.Fatal(err)
	}
	for _, b := range buckets {
		a.store.Bucket(t, b)
	}
	broker, err := kafka.StartBroker(kafka.BrokerOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	a.words = []string{
		"http://127.0.0.1:9000", a.store.URL(), "'shop'", "'" + objects.Key + "'", "'shop-secret'", "'" + objects.Secret + "'",
		"http://127.0.0.1:9200", a.hook.URL,
	}
	a.options = gateway.Options{Dir: a.dir, DataDir: t.TempDir(), Brokers: broker.Addr(), Listen: gateway.FreeAddr(), Args: []string{"--config", "ferris.yaml"}}
	a.gateway = gateway.Start(t, a.options)
	var cancel context.CancelFunc
	a.ctx, cancel = context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	a.ours = a.connect(a.gateway.URL())
	return a
}

// file runs one of the application's files in the gateway, a statement at a time, as
// psql does.
func (a *application) file(name string) {
	a.Helper()
	for statement := range strings.SplitSeq(a.text(name), ";\n") {
		a.here(statement)
	}
}

func (a *application) text(name string) string {
	a.Helper()
	b, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.Fatal(err)
	}
	return string(b)
}

// written are the lines of the files of a pattern, sorted.
func (a *application) written(pattern string) []string {
	a.Helper()
	paths, err := filepath.Glob(filepath.Join(a.dir, pattern))
	if err != nil {
		a.Fatal(err)
	}
	var all []string
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			a.Fatal(err)
		}
		all = append(all, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
	}
	slices.Sort(all)
	return all
}

// lake writes the options of the application's store into SQL.
func (a *application) lake(sql string) string {
	return strings.ReplaceAll(sql, "$s3", keysOf(a.store.URL()))
}

// TestEcommerce runs examples/ecommerce, kills the gateway and goes on: each order is in
// the topic, the audit files, the lake and the view once.
func TestEcommerce(t *testing.T) {
	a := startApplication(t, "ecommerce", "customer-data", "analytics-lake")
	a.file("streams.sql")
	a.file("data.sql")
	a.file("ecommerce_analytics.sql")
	a.here(a.lake("CREATE STREAM lake (order_id bigint, customer_name text, line_total numeric(14,2), year int, month int) WITH (type = 's3', path = 's3://analytics-lake/orders/', format = 'parquet', $s3)"))
	revenue := "SELECT window_start::time, category, orders, revenue FROM revenue ORDER BY window_start, category"
	a.soon(&a.ours, revenue, "09:00:00|office|1|44.8200", "09:01:00|home|1|56.0500", "09:02:00|office|1|73.5000")
	a.gateway.Kill()
	a.again()
	a.here("INSERT INTO kafka_orders (order_id, order_date, customer_id, product_id, quantity) VALUES (7, '2026-04-01 00:00:01+00', 1, 11, 1)")
	a.soon(&a.ours, "SELECT order_id, customer_name, line_total, year, month FROM lake ORDER BY 1",
		"1|Ada|49.80|2026|3", "3|Bob|59.00|2026|3", "5|Cleo|73.50|2026|3", "7|Ada|7.35|2026|4")
	a.soon(&a.ours, "SELECT order_id, category, line_total, discount_rate FROM fulfillment ORDER BY 1",
		"1|office|49.80|0.10", "3|home|59.00|0.05", "5|office|73.50|0.00", "7|office|7.35|0.10")
	a.soon(&a.ours, revenue, "00:00:00|office|1|6.6150", "09:00:00|office|1|44.8200", "09:01:00|home|1|56.0500", "09:02:00|office|1|73.5000")
	a.eventually(func() []string { return a.written("audit/orders_*.log") },
		`{"order_id":1,"order_date":"2026-03-02T09:00:05.000000Z","quantity":2,"customer_name":"Ada","customer_tier":"GOLD","email":"ada@example.com","product_name":"fountain pen","category":"office","unit_price":24.90,"line_total":49.80,"discount_rate":0.10}`,
		`{"order_id":3,"order_date":"2026-03-02T09:01:10.000000Z","quantity":1,"customer_name":"Bob","customer_tier":"SILVER","email":"bob@example.com","product_name":"desk lamp","category":"home","unit_price":59.00,"line_total":59.00,"discount_rate":0.05}`,
		`{"order_id":5,"order_date":"2026-03-02T09:02:01.000000Z","quantity":10,"customer_name":"Cleo","customer_tier":null,"email":null,"product_name":"ink, blue","category":"office","unit_price":7.35,"line_total":73.50,"discount_rate":0.00}`,
		`{"order_id":7,"order_date":"2026-04-01T00:00:01.000000Z","quantity":1,"customer_name":"Ada","customer_tier":"GOLD","email":"ada@example.com","product_name":"ink, blue","category":"office","unit_price":7.35,"line_total":7.35,"discount_rate":0.10}`)
}

// TestFraud runs examples/fraud, kills the gateway and goes on: alerts, audit log and
// warehouse have the same rows, once each.
func TestFraud(t *testing.T) {
	a := startApplication(t, "fraud", "risk-data")
	a.server = postgres.Start(t)
	a.words = append(a.words, "postgresql://postgres@127.0.0.1:5432/postgres", a.server.DSN())
	a.theirs = a.connect(a.server.DSN())
	a.there(a.text("bank.sql"))
	a.file("streams.sql")
	a.file("data.sql")
	a.file("financial_trading.sql")
	warehouse := "SELECT transaction_id, amount, customer_country, current_location, risk_assessment, recommendation FROM fraud_analysis_results ORDER BY 1"
	first := []string{
		"1|50.00|CH|CH|LOW_RISK|APPROVE", "2|20000.00|CH|CH|HIGH_VALUE|APPROVE", "3|20000.00|CH|US|HIGH_VALUE|BLOCK_TRANSACTION",
		"4|10.00|CH|CH|MERCHANT_RISK|MANUAL_REVIEW", "7|11.00|CH|US|LOCATION_RISK|APPROVE",
	}
	a.soon(&a.theirs, warehouse, first...) // transaction 5 waits: its customer may still be seen somewhere
	a.gateway.Kill()
	a.again()
	a.here("INSERT INTO location_service VALUES (3, 'AT', '2026-03-02 13:00:00+00')")
	a.here("INSERT INTO transaction_stream (transaction_id, customer_id, merchant_id, amount, timestamp) VALUES (8, 3, 1, 12000, '2026-03-02 13:00:01+00')")
	all := slices.Insert(slices.Clone(first), 4, "5|10.00|AT|NULL|CUSTOMER_RISK|MANUAL_REVIEW")
	all = append(all, "8|12000.00|AT|AT|HIGH_VALUE|MANUAL_REVIEW")
	a.soon(&a.theirs, warehouse, all...)
	a.soon(&a.ours, "SELECT recommendation, transactions, amount FROM recommendations ORDER BY 1",
		"APPROVE|3|20061.00", "BLOCK_TRANSACTION|1|20000.00", "MANUAL_REVIEW|3|12020.00")
	var audited []string
	paths, err := filepath.Glob(filepath.Join(a.dir, "audit", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		sealed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := openpgp.ReadMessage(bytes.NewReader(sealed), nil, func([]openpgp.Key, bool) ([]byte, error) { return []byte("correct horse battery staple"), nil }, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		text, err := io.ReadAll(m.UnverifiedBody)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for l := range strings.Lines(string(text)) {
			id, _, _ := strings.Cut(l, ",")
			audited = append(audited, id)
		}
	}
	slices.Sort(audited)
	a.same(audited, `{"transaction_id":1`, `{"transaction_id":2`, `{"transaction_id":3`, `{"transaction_id":4`, `{"transaction_id":5`, `{"transaction_id":7`, `{"transaction_id":8`)
}

// TestIoT runs examples/iot: alarms, lake and dashboard have each reading once, also
// where the gateway is killed.
func TestIoT(t *testing.T) {
	a := startApplication(t, "iot", "sensor-data-lake")
	a.file("streams.sql")
	a.file("data.sql")
	a.file("iot_monitoring.sql")
	a.here("CREATE STREAM alarms (device_id text, timestamp timestamptz, temp_deviation numeric(8,3), anomaly_type text) WITH (type = 'kafka', topic = 'sensor-alerts')")
	a.here(a.lake("CREATE STREAM lake (device_id text, timestamp timestamptz, anomaly_type text, day int) WITH (type = 's3', path = 's3://sensor-data-lake/sensors/', format = 'parquet', $s3)"))
	alarms := "SELECT device_id, timestamp::time, temp_deviation, anomaly_type FROM alarms ORDER BY 1, 2"
	rows := []string{"d1|10:00:00|0.000|NORMAL", "d1|10:01:00|1.600|TEMP_SPIKE", "d1|10:08:00|1.700|HIGH_HEAT_HUMIDITY", "d2|10:01:00|0.000|EXCESSIVE_VIBRATION"}
	a.soon(&a.ours, alarms, rows...)
	a.gateway.Kill()
	a.again()
	a.here("INSERT INTO temperature_sensors VALUES ('d2', 'yard', 21, '2026-03-02 10:23:00+00'), ('test', 'lab', 0, '2026-03-02 10:40:00+00')")
	a.here("INSERT INTO humidity_sensors VALUES ('d2', 41, '2026-03-02 10:23:00+00'), ('test', 0, '2026-03-02 10:40:00+00')")
	a.here("INSERT INTO pressure_sensors VALUES ('d2', 1001, '2026-03-02 10:23:00+00'), ('test', 1, '2026-03-02 10:40:00+00')")
	a.here("INSERT INTO vibration_sensors VALUES ('test', 0, '2026-03-02 10:40:00+00')")
	a.soon(&a.ours, alarms, append(rows, "d2|10:23:00|0.100|NORMAL")...)
	a.soon(&a.ours, "SELECT device_id, timestamp::time, anomaly_type, day FROM lake ORDER BY 1, 2", "d1|10:00:00|NORMAL|2", "d1|10:01:00|TEMP_SPIKE|2",
		"d1|10:08:00|HIGH_HEAT_HUMIDITY|2", "d2|10:01:00|EXCESSIVE_VIBRATION|2", "d2|10:23:00|NORMAL|2")
	a.soon(&a.ours, "SELECT device_id, window_start::time, readings, lowest, highest, round(mean, 2) FROM device_temperatures ORDER BY 1, 2",
		"d1|10:00:00|2|20.00|36.00|28.00", "d1|10:05:00|1|37.00|37.00|37.00", "d2|10:00:00|2|20.00|20.00|20.00", "d2|10:20:00|1|21.00|21.00|21.00")
	a.eventually(func() []string { return a.hook.fields(t, "anomaly_type") }, "EXCESSIVE_VIBRATION", "HIGH_HEAT_HUMIDITY", "NORMAL", "NORMAL", "TEMP_SPIKE")
}

// TestBatch runs examples/batch: three jobs, whose rows go on in batches of three kinds.
func TestBatch(t *testing.T) {
	a := startApplication(t, "batch", "financial-analytics")
	a.file("streams.sql")
	a.file("data.sql")
	a.file("batch_processing.sql")
	a.here("CREATE STREAM processed (transaction_id bigint, adjusted_amount numeric(16,4), processed_at timestamptz) WITH (type = 'kafka', topic = 'processed-transactions')")
	a.here("CREATE STREAM urgent (alert_id bigint, priority text) WITH (type = 'kafka', topic = 'dashboard-alerts')")
	a.here(a.lake("CREATE STREAM lake (transaction_id bigint, risk_score numeric(3,2), fraud_indicators text) WITH (type = 's3', path = 's3://financial-analytics/transactions/', format = 'parquet', $s3)"))
	a.soon(&a.ours, "SELECT transaction_id, adjusted_amount, processed_at > now() - INTERVAL '1 hour' FROM processed ORDER BY 1", "1|105.0000|t", "2|20400.0000|t", "4|10.5000|t")
	a.soon(&a.ours, "SELECT * FROM lake ORDER BY 1", "1|0.90|none", "2|0.10|NULL", "4|NULL|chargebacks")
	a.soon(&a.ours, "SELECT alert_id, priority FROM urgent ORDER BY 1", "1|URGENT", "3|URGENT")
	a.eventually(func() []string { return a.hook.fields(t, "message") }, "fire", "heat")
	a.here("CREATE STREAM large (record_id bigint, payload_size int) WITH (type = 'file', path = 'large_records/*/batch_*.json')")
	a.soon(&a.ours, "SELECT * FROM large ORDER BY 1", "1|200000", "2|400000")
	a.eventually(func() []string {
		var ids []string
		for _, l := range a.written("audit/transactions_*.log") {
			id, _, _ := strings.Cut(l, ",")
			ids = append(ids, id)
		}
		return ids
	}, `{"transaction_id":1`, `{"transaction_id":2`, `{"transaction_id":4`)
}
