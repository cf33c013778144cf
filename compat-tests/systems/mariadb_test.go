package systems

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ferrisstreams/ferrisstreams/compat-tests/mariadb"
)

// mariaPair is a gateway, and the MariaDB, or the MySQL, that it reads and writes.
type mariaPair struct {
	*pair
	maria *mariadb.Server
	name  string // of the test's own database
	db    *sql.DB
}

// startMaria runs both.
func startMaria(t *testing.T) *mariaPair {
	t.Helper()
	return withMaria(t, productOf(t).Start(t))
}

// productOf is MySQL in TestMySQL8 and MariaDB elsewhere.
func productOf(t *testing.T) *mariadb.Product {
	if strings.HasPrefix(t.Name(), "TestMySQL8/") {
		return mariadb.MySQL
	}
	return mariadb.MariaDB
}

// ofMySQL says that the server is MySQL.
func (p *mariaPair) ofMySQL() bool { return p.maria.Product() == mariadb.MySQL }

// sequence is a table of MariaDB's that has the numbers from one to another.
var sequence = regexp.MustCompile(`\bseq_(\d+)_to_(\d+)\b`)

// renamed are what MySQL calls otherwise than MariaDB.
var renamed = strings.NewReplacer(" DEFAULT ROLE reads_logs FOR ", " DEFAULT ROLE reads_logs TO ", "u uuid", "u char(36)")

// theirs writes MariaDB's SQL as the server's.
func theirs(server *mariadb.Server, text string) string {
	if server.Product() != mariadb.MySQL {
		return text
	}
	text = sequence.ReplaceAllString(text, "(WITH RECURSIVE s (seq) AS (SELECT $1 UNION ALL SELECT seq + 1 FROM s WHERE seq < $2) SELECT seq FROM s) seqs")
	return renamed.Replace(text)
}

func withMaria(t *testing.T, server *mariadb.Server) *mariaPair {
	t.Helper()
	schemas++
	name := fmt.Sprintf("m%d", schemas)
	if err := server.Exec(t.Context(), "", "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	p := &mariaPair{maria: server, name: name}
	var err error
	if p.db, err = server.Open(name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.db.Close() })
	p.pair = alone(t, "", "$db", server.URL(name), "$jdbc", "jdbc:mariadb://"+server.Address()+"/"+name+"?user=root&rewriteBatchedStatements=true&useSSL=false")
	return p
}

// asks runs statements there and returns the rows of the last one that has some.
func (p *mariaPair) asks(text string) ([]string, error) {
	rows, err := p.db.QueryContext(p.ctx, theirs(p.maria, p.expand(text)))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for more := true; more; more = rows.NextResultSet() {
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		if len(columns) == 0 {
			continue
		}
		all = nil
		for rows.Next() {
			values, to := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				return nil, err
			}
			var parts []string
			for _, v := range values {
				if !v.Valid {
					v.String = "NULL"
				}
				parts = append(parts, v.String)
			}
			all = append(all, strings.Join(parts, "|"))
		}
	}
	return all, rows.Err()
}

// there runs statements in MariaDB.
func (p *mariaPair) there(text string) []string {
	p.Helper()
	rows, err := p.asks(text)
	if err != nil {
		p.Fatalf("%s: %v", p.expand(text), err)
	}
	return rows
}

// thereSoon waits until a query of MariaDB's gives rows.
func (p *mariaPair) thereSoon(text string, want ...string) {
	p.Helper()
	p.eventually(func() []string {
		rows, err := p.asks(text)
		if err != nil {
			return []string{err.Error()}
		}
		return rows
	}, want...)
}

// kills is how many times a test kills what it runs.
func kills() int {
	if os.Getenv("FERRIS_TIER") == "long" {
		return 50
	}
	return 10
}

// kills is how many times a test kills what it runs, for which it has the time.
func (p *pair) kills() int {
	n := kills()
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(p.Context(), limit+time.Duration(n)*10*time.Second)
	p.Cleanup(cancel)
	return n
}
