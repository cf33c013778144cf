package exec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ferrisstreams/ferrisstreams/catalog"
	"github.com/ferrisstreams/ferrisstreams/catalog/sqlerr"
	"github.com/ferrisstreams/ferrisstreams/catalog/types"
)

// TestTableAsOfNow: a row of a stream meets a table's rows as they are when it
// comes, whether an index finds them or not; nothing is taken back.
func TestTableAsOfNow(t *testing.T) {
	for name, table := range map[string]string{
		"primary key": "CREATE TABLE t (name text PRIMARY KEY, owner text, n bigint)",
		"copy":        "CREATE TABLE t (name text, owner text, n bigint)",
		"index":       "CREATE TABLE t (owner text, name text, n bigint); CREATE INDEX ON t (name, n)",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			f.run(strings.Split(table, "; ")...)
			f.run("INSERT INTO t (name, owner, n) VALUES ('a', 'ann', 1), ('b', 'bob', 2), ('z', 'zoe', 0)")
			inner, iq := f.follow("SELECT e.id, t.owner FROM e JOIN t ON t.name = e.name AND t.n > 0 EMIT CHANGES")
			left, lq := f.follow("SELECT e.id, t.owner FROM e LEFT JOIN t ON e.name = t.name AND t.n + e.id <> 6 EMIT CHANGES")
			semi, sq := f.follow("SELECT e.id FROM e WHERE EXISTS (SELECT 1 FROM t WHERE t.name = e.name AND t.n > 0) EMIT CHANGES")
			anti, aq := f.follow("SELECT e.id FROM e WHERE NOT EXISTS (SELECT 1 FROM t WHERE t.name = e.name) EMIT CHANGES")
			if iq.Ops || lq.Ops || sq.Ops || aq.Ops {
				t.Error("a query says that it takes rows back")
			}
			e.add(0, event(1, "a", 1), event(2, "c", 1), event(3, "z", 1))
			null := event(4, "", 1)
			null[1] = types.NullOf(types.Of(types.Text))
			e.add(0, null)
			equal(t, "inner", f.rows(inner, iq.Root, 1), []string{"1|ann"})
			equal(t, "left", f.rows(left, lq.Root, 4), []string{"1|ann", "3|zoe", "2|NULL", "4|NULL"})
			equal(t, "semi", f.rows(semi, sq.Root, 1), []string{"1"})
			equal(t, "anti", f.rows(anti, aq.Root, 2), []string{"2", "4"})
			f.run("UPDATE t SET owner = 'amy' WHERE name = 'a'", "DELETE FROM t WHERE name = 'b'", "INSERT INTO t (name, owner, n) VALUES ('c', 'cas', 3)")
			e.add(0, event(5, "a", 2), event(6, "b", 2), event(7, "c", 2))
			equal(t, "inner", f.rows(inner, iq.Root, 2), []string{"5|amy", "7|cas"})
			equal(t, "left", f.rows(left, lq.Root, 3), []string{"7|cas", "5|NULL", "6|NULL"})
			equal(t, "semi", f.rows(semi, sq.Root, 2), []string{"5", "7"})
			equal(t, "anti", f.rows(anti, aq.Root, 1), []string{"6"})
			f.run("DROP TABLE t")
			e.add(0, event(8, "a", 3))
			if _, err := tryRows(f.context(), inner, iq.Root, 1); sqlerr.CodeOf(err) != sqlerr.ObjectNotInPrerequisiteState {
				t.Errorf("looking up in a table that is dropped = %v, want 55000", err)
			}
		})
	}
}

// TestTableAsOfNowInJob: a job sees the table as it is when a row comes, before and
// after a restart, in one task and in several.
func TestTableAsOfNowInJob(t *testing.T) {
	for tasks := 1; tasks <= 3; tasks += 2 {
		t.Run(fmt.Sprint(tasks), func(t *testing.T) {
			f := newFixture(t)
			e := f.events("e")
			e.add(1)
			f.run("CREATE TABLE t (name text, owner text)", "INSERT INTO t VALUES ('a', 'ann')")
			if err := f.sqlJob("j", "SELECT e.id, t.owner FROM e LEFT JOIN t ON t.name = e.name"); err != nil {
				t.Fatal(err)
			}
			out := f.topics.file("j_out")
			e.add(0, event(1, "a", 1), event(2, "b", 1))
			if err := out.wait(f.context(), 2); err != nil {
				t.Fatal(err)
			}
			f.run("INSERT INTO t VALUES ('b', 'bob'), ('b', 'bea')")
			e.add(1, event(3, "b", 2))
			if err := out.wait(f.context(), 4); err != nil {
				t.Fatal(err)
			}
			f.kill()
			f.parallel("j", tasks)
			f.start()
			e.add(0, event(4, "a", 3))
			e.add(1, event(5, "b", 3))
			e.end()
			f.waitState("j", catalog.JobFinished)
			got := out.read()
			slices.Sort(got)
			equal(t, "rows", got, []string{"1|ann", "2|NULL", "3|bea", "3|bob", "4|ann", "5|bea", "5|bob"})
		})
	}
}
