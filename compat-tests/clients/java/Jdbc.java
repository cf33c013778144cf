import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;

/** pgjdbc against the gateway. Prints "name: value" lines; the Go test compares them. */
public class Jdbc {
    static void say(String name, Object value) {
        System.out.println(name + ": " + value);
    }

    public static void main(String[] args) throws Exception {
        try (Connection c = DriverManager.getConnection(args[0])) {
            say("product", c.getMetaData().getDatabaseProductName());
            say("major", c.getMetaData().getDatabaseMajorVersion());
            try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT 1 AS a, 'x' AS b")) {
                r.next();
                say("simple", r.getInt("a") + r.getString("b"));
            }
            // The fifth execution is named, the sixth asks for binary results.
            StringBuilder all = new StringBuilder();
            try (PreparedStatement p = c.prepareStatement(
                    "SELECT ?::int + 1, ?::numeric, TIMESTAMP '2024-02-03 04:05:06.789', id FROM numbers WHERE id = ?")) {
                for (int i = 0; i < 8; i++) {
                    p.setInt(1, i);
                    p.setBigDecimal(2, new BigDecimal("10.50"));
                    p.setLong(3, i);
                    try (ResultSet r = p.executeQuery()) {
                        r.next();
                        all.append(r.getInt(1)).append(' ').append(r.getBigDecimal(2)).append(' ')
                           .append(r.getTimestamp(3)).append(' ').append(r.getLong(4)).append("; ");
                    }
                }
            }
            say("prepared", all);
            try (Statement s = c.createStatement()) {
                s.executeQuery("SELECT nope FROM numbers");
            } catch (SQLException e) {
                say("error", e.getSQLState());
            }
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(3);
                int n = 0;
                try (ResultSet r = s.executeQuery("SELECT id FROM numbers ORDER BY id")) {
                    while (r.next()) {
                        n++;
                    }
                }
                say("fetched", n);
                try (ResultSet r = s.executeQuery("SELECT id FROM ticks EMIT CHANGES")) {
                    int live = 0;
                    while (live < 6 && r.next()) {
                        live++;
                    }
                    say("live", live);
                }
            }
            c.rollback();
            c.setAutoCommit(true);
            try (Statement s = c.createStatement()) {
                s.setMaxRows(2);
                int n = 0;
                try (ResultSet r = s.executeQuery("SELECT id FROM numbers")) {
                    while (r.next()) {
                        n++;
                    }
                }
                say("max rows", n);
            }
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                s.executeQuery("SELECT id FROM ticks EMIT CHANGES");
            } catch (SQLException e) {
                say("timeout", e.getSQLState());
            }
            say("valid", c.isValid(5));
            try (ResultSet r = c.getMetaData().getTables(null, "public", "numbers", null)) {
                say("tables", r.next() ? r.getString("TABLE_NAME") + " " + r.getString("TABLE_TYPE") : "none");
            }
            StringBuilder described = new StringBuilder();
            try (ResultSet r = c.getMetaData().getColumns(null, "public", "numbers", "%")) {
                while (r.next()) {
                    described.append(r.getInt("ORDINAL_POSITION")).append(' ').append(r.getString("COLUMN_NAME")).append(' ')
                             .append(r.getString("TYPE_NAME")).append(' ').append(r.getInt("DATA_TYPE")).append(' ')
                             .append(r.getString("IS_NULLABLE")).append("; ");
                }
            }
            say("described", described);
            StringBuilder running = new StringBuilder();
            try (PreparedStatement p = c.prepareStatement(
                    "SELECT sum(id) OVER (ORDER BY id ROWS ? PRECEDING), lag(id, ?, -1::bigint) OVER (ORDER BY id) FROM numbers ORDER BY id LIMIT 4")) {
                for (int i = 0; i < 6; i++) {
                    p.setLong(1, 1);
                    p.setInt(2, 2);
                    running.setLength(0);
                    try (ResultSet r = p.executeQuery()) {
                        while (r.next()) {
                            running.append(r.getBigDecimal(1)).append(' ').append(r.getLong(2)).append("; ");
                        }
                    }
                }
            }
            say("running", running);
            try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT id, name FROM numbers LIMIT 0")) {
                StringBuilder columns = new StringBuilder();
                for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
                    columns.append(r.getMetaData().getColumnName(i)).append(' ').append(r.getMetaData().getColumnTypeName(i)).append("; ");
                }
                say("columns", columns);
            }
        }
    }
}
