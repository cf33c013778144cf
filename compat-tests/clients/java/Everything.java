import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.StringReader;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGobject;

/**
 * What JDBC has, through pgjdbc, to each of the servers whose URLs are given: for each a file
 * of "name: value" lines, which the Go test compares.
 */
public class Everything {
    static PrintStream out;
    static String url;

    interface Check {
        Object run(Connection c) throws Exception;
    }

    static Connection open(String... properties) throws SQLException {
        Properties p = new Properties();
        for (int i = 0; i < properties.length; i += 2) {
            p.setProperty(properties[i], properties[i + 1]);
        }
        return DriverManager.getConnection(url, p);
    }

    /** Runs a check on a connection of its own and prints what it returns, or its SQLSTATE. */
    static void check(String name, Check check, String... properties) {
        Object value;
        try (Connection c = open(properties)) {
            value = check.run(c);
        } catch (SQLException e) {
            value = "SQLSTATE " + e.getSQLState() + " " + e.getClass().getSimpleName();
        } catch (Exception e) {
            value = "FAILED " + e;
        }
        out.println(name + ": " + value);
    }

    static String rows(ResultSet r, String... except) throws SQLException {
        List<String> skip = Arrays.asList(except);
        ResultSetMetaData m = r.getMetaData();
        StringBuilder all = new StringBuilder();
        for (int i = 1; i <= m.getColumnCount(); i++) {
            all.append(i > 1 ? "|" : "").append(m.getColumnName(i)).append(' ').append(m.getColumnTypeName(i));
        }
        while (r.next()) {
            all.append("\n  ");
            for (int i = 1; i <= m.getColumnCount(); i++) {
                all.append(i > 1 ? "|" : "").append(skip.contains(m.getColumnName(i).toUpperCase()) ? "*" : r.getString(i));
            }
        }
        r.close();
        return all.toString();
    }

    static String query(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(sql)) {
            return rows(r);
        }
    }

    static int run(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            return s.executeUpdate(sql);
        }
    }

    static int count(ResultSet r) throws SQLException {
        int n = 0;
        while (r.next()) {
            n++;
        }
        return n;
    }

    public static void main(String[] args) throws Exception {
        for (int i = 0; i < args.length; i += 2) {
            url = args[i];
            out = new PrintStream(args[i + 1], "UTF-8");
            metadata();
            statements();
            results();
            transactions();
            copying();
            sessions();
            out.close();
        }
        System.exit(0);
    }

    static void metadata() {
        check("every getter", c -> {
            DatabaseMetaData m = c.getMetaData();
            Map<String, Object> all = new TreeMap<>();
            for (Method f : DatabaseMetaData.class.getMethods()) {
                if (f.getParameterCount() > 0 || ResultSet.class.isAssignableFrom(f.getReturnType())
                        || Arrays.asList("getURL", "getConnection", "getDatabaseProductVersion", "getDatabaseMinorVersion").contains(f.getName())) {
                    continue;
                }
                try {
                    all.put(f.getName(), f.invoke(m));
                } catch (InvocationTargetException e) {
                    all.put(f.getName(), e.getCause().getClass().getSimpleName());
                }
            }
            return String.join("\n  ", all.toString().split(", (?=[a-z])"));
        });
        check("getTables", c -> rows(c.getMetaData().getTables(null, "public", "%", null)));
        check("getTables of kinds", c -> rows(c.getMetaData().getTables(null, "%", "%", new String[] {"TABLE", "MATERIALIZED VIEW"})));
        check("getTables of the catalogs", c -> rows(c.getMetaData().getTables(null, "pg_catalog", "pg_c%", new String[] {"SYSTEM TABLE", "SYSTEM VIEW"})));
        check("getColumns", c -> rows(c.getMetaData().getColumns(null, "public", "%", "%")));
        check("getColumns of one", c -> rows(c.getMetaData().getColumns(null, "streams", "s1", "s%")));
        check("getPrimaryKeys", c -> rows(c.getMetaData().getPrimaryKeys(null, "public", "events")));
        check("getIndexInfo", c -> rows(c.getMetaData().getIndexInfo(null, "public", "events", false, true), "PAGES", "CARDINALITY"));
        check("getImportedKeys", c -> rows(c.getMetaData().getImportedKeys(null, "streams", "s1")));
        check("getExportedKeys", c -> rows(c.getMetaData().getExportedKeys(null, "public", "events")));
        check("getCrossReference", c -> rows(c.getMetaData().getCrossReference(null, "public", "events", null, "streams", "s1")));
        check("getBestRowIdentifier", c -> rows(c.getMetaData().getBestRowIdentifier(null, "public", "events", 0, true)));
        check("getVersionColumns", c -> rows(c.getMetaData().getVersionColumns(null, "public", "events")));
        check("getSchemas of a name", c -> rows(c.getMetaData().getSchemas(null, "streams")));
        check("getTableTypes", c -> rows(c.getMetaData().getTableTypes()));
        check("getTypeInfo", c -> {
            List<String> all = new ArrayList<>();
            try (ResultSet r = c.getMetaData().getTypeInfo()) {
                while (r.next()) {
                    String name = r.getString(1);
                    if (Arrays.asList("int2", "int4", "int8", "serial", "bigserial", "text", "varchar", "numeric", "float4", "float8", "bool", "date", "time", "timetz",
                            "timestamp", "timestamptz", "interval", "uuid", "json", "jsonb", "bytea", "_int4", "_text", "mood", "_mood", "inet", "oid", "name").contains(name)) {
                        StringBuilder line = new StringBuilder();
                        for (int i = 1; i <= 18; i++) {
                            line.append(r.getString(i)).append('|');
                        }
                        all.add(line.toString());
                    }
                }
            }
            Collections.sort(all);
            return String.join("\n  ", all);
        });
        check("getUDTs", c -> rows(c.getMetaData().getUDTs(null, "public", "%", null)));
        check("getFunctions", c -> rows(c.getMetaData().getFunctions(null, "pg_catalog", "parse_id%")));
        check("getFunctionColumns", c -> rows(c.getMetaData().getFunctionColumns(null, "pg_catalog", "json_each", "%"), "SPECIFIC_NAME"));
        check("getProcedures", c -> rows(c.getMetaData().getProcedures(null, "public", "%")));
        check("getProcedureColumns", c -> rows(c.getMetaData().getProcedureColumns(null, "public", "%", "%")));
        check("getTablePrivileges", c -> rows(c.getMetaData().getTablePrivileges(null, "streams", "s1")));
        check("getColumnPrivileges", c -> rows(c.getMetaData().getColumnPrivileges(null, "streams", "s1", "name")));
        check("getClientInfoProperties", c -> rows(c.getMetaData().getClientInfoProperties()));
        check("getSQLKeywords", c -> c.getMetaData().getSQLKeywords());
        check("functions", c -> c.getMetaData().getNumericFunctions() + c.getMetaData().getStringFunctions() + c.getMetaData().getTimeDateFunctions());
        check("result columns", c -> {
            try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SELECT *, id + 1 AS e, s1.mood FROM events LEFT JOIN streams.s1 ON event = id LIMIT 0")) {
                ResultSetMetaData m = r.getMetaData();
                StringBuilder all = new StringBuilder();
                for (int i = 1; i <= m.getColumnCount(); i++) {
                    all.append("\n  ").append(m.getColumnLabel(i)).append('|').append(m.getColumnTypeName(i)).append('|').append(m.getColumnType(i)).append('|')
                       .append(m.getPrecision(i)).append('|').append(m.getScale(i)).append('|').append(m.getColumnDisplaySize(i)).append('|').append(m.isNullable(i)).append('|')
                       .append(m.isAutoIncrement(i)).append('|').append(m.isSigned(i)).append('|').append(m.getSchemaName(i)).append('|').append(m.getTableName(i)).append('|')
                       .append(m.getColumnClassName(i));
                }
                return all;
            }
        });
        check("parameters", c -> {
            try (PreparedStatement p = c.prepareStatement("SELECT * FROM events WHERE id = ? AND name LIKE ? AND ts > ? AND amount = ANY (?)")) {
                ParameterMetaData m = p.getParameterMetaData();
                StringBuilder all = new StringBuilder();
                for (int i = 1; i <= m.getParameterCount(); i++) {
                    all.append(m.getParameterTypeName(i)).append(' ').append(m.getParameterType(i)).append("; ");
                }
                return all + p.getMetaData().getColumnTypeName(1);
            }
        });
    }

    static final String TYPES = "SELECT 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 12.340::numeric, true, 'text'::text, 'ch'::char(4), 'v'::varchar(3), "
        + "DATE '2024-02-29', TIME '12:34:56.789', TIMESTAMP '2024-02-29 12:34:56.789', TIMESTAMPTZ '2024-02-29 12:34:56.789+02', INTERVAL '1 day 2 hours', "
        + "'6ecd8c99-4036-403d-bf84-cf8400f67836'::uuid, '\\x0102'::bytea, ARRAY[1, 2, NULL], ARRAY['a', 'b c'], ARRAY[1.5, 2.50]::numeric[], '{\"a\": [1]}'::jsonb, 'ok'::mood, "
        + "NULL::int4, 'infinity'::float8, 'NaN'::numeric, '10.0.0.1'::inet, DATE 'infinity', ARRAY[TIMESTAMP '2024-01-01']";

    static String types(ResultSet r) throws SQLException {
        StringBuilder all = new StringBuilder();
        while (r.next()) {
            all.setLength(0);
            for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
                Object o = r.getObject(i);
                all.append(o instanceof byte[] ? Arrays.toString((byte[]) o) : o).append(o == null ? "" : " " + o.getClass().getSimpleName()).append("; ");
            }
        }
        r.close();
        return all.toString();
    }

    static void statements() {
        for (String mode : new String[] {"extended", "extendedForPrepared", "extendedCacheEverything", "simple"}) {
            check("types in " + mode, c -> {
                try (Statement s = c.createStatement()) {
                    return types(s.executeQuery(TYPES));
                }
            }, "preferQueryMode", mode);
            check("prepared types in " + mode, c -> {
                String last = "";
                try (PreparedStatement p = c.prepareStatement(TYPES)) {
                    for (int i = 0; i < 8; i++) {
                        last = types(p.executeQuery());
                    }
                }
                return last;
            }, "preferQueryMode", mode);
            check("parameters in " + mode, c -> {
                String last = "";
                try (PreparedStatement p = c.prepareStatement("SELECT ?::int2, ?::int4, ?::int8, ?::float4, ?::float8, ?::numeric, ?::bool, ?::text, ?::date, ?::timestamp, ?::timestamptz, "
                        + "?::uuid, ?::bytea, ?::int[], ?::text[], ?::jsonb, ?::mood, ?::int4")) {
                    for (int i = 0; i < 7; i++) {
                        p.setShort(1, (short) 1);
                        p.setInt(2, -2);
                        p.setLong(3, Long.MAX_VALUE);
                        p.setFloat(4, 1.5f);
                        p.setDouble(5, -2.25);
                        p.setBigDecimal(6, new BigDecimal("12345678901234567890.123450"));
                        p.setBoolean(7, true);
                        p.setString(8, "h\u00e9llo 'quoted' \\ ?");
                        p.setObject(9, LocalDate.of(2024, 2, 29));
                        p.setObject(10, LocalDateTime.of(2024, 2, 29, 1, 2, 3, 456789000));
                        p.setObject(11, OffsetDateTime.of(2024, 2, 29, 1, 2, 3, 0, ZoneOffset.ofHours(3)));
                        p.setObject(12, UUID.fromString("6ecd8c99-4036-403d-bf84-cf8400f67836"));
                        p.setBytes(13, new byte[] {0, 1, (byte) 255});
                        p.setArray(14, c.createArrayOf("int4", new Object[] {1, null, 3}));
                        p.setArray(15, c.createArrayOf("text", new Object[] {"a", "b,c", "\"d\""}));
                        PGobject json = new PGobject();
                        json.setType("jsonb");
                        json.setValue("{\"k\": null}");
                        p.setObject(16, json);
                        p.setObject(17, "sad", Types.OTHER);
                        p.setNull(18, Types.INTEGER);
                        last = types(p.executeQuery());
                    }
                }
                return last;
            }, "preferQueryMode", mode);
        }
        check("forced binary", c -> {
            c.unwrap(PGConnection.class).setPrepareThreshold(-1);
            try (PreparedStatement p = c.prepareStatement("SELECT id, ts, name, payload, amount, f8, d, u, flag, tm, tags, i4 FROM events WHERE id <= ? ORDER BY id")) {
                p.setLong(1, 3);
                return rows(p.executeQuery());
            }
        });
        check("a named statement that lost its table's shape", c -> {
            run(c, "CREATE TABLE shape (a int); INSERT INTO shape VALUES (1)");
            try (PreparedStatement p = c.prepareStatement("SELECT * FROM shape")) {
                for (int i = 0; i < 6; i++) {
                    count(p.executeQuery());
                }
                run(c, "ALTER TABLE shape ADD b text DEFAULT 'new'");
                return rows(p.executeQuery());
            } finally {
                run(c, "DROP TABLE shape");
            }
        });
        check("update counts and several results", c -> {
            StringBuilder all = new StringBuilder();
            try (Statement s = c.createStatement()) {
                boolean result = s.execute("CREATE TABLE several (a int); INSERT INTO several VALUES (1), (2); SELECT * FROM several; UPDATE several SET a = 3; DROP TABLE several");
                while (result || s.getUpdateCount() >= 0) {
                    all.append(result ? "rows " + count(s.getResultSet()) : "count " + s.getUpdateCount()).append("; ");
                    result = s.getMoreResults();
                }
            }
            return all;
        });
        check("batches", c -> {
            run(c, "CREATE TABLE batch (a int PRIMARY KEY, b text)");
            try (PreparedStatement p = c.prepareStatement("INSERT INTO batch VALUES (?, ?)")) {
                for (int i = 0; i < 300; i++) {
                    p.setInt(1, i);
                    p.setString(2, "row " + i);
                    p.addBatch();
                }
                return Arrays.stream(p.executeBatch()).sum() + query(c, "SELECT count(*), sum(a) FROM batch");
            }
        });
        check("a batch that fails", c -> {
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.addBatch("INSERT INTO batch VALUES (1000, 'x')");
                s.addBatch("INSERT INTO batch VALUES (1, 'twice')");
                s.addBatch("INSERT INTO batch VALUES (1001, 'y')");
                return Arrays.toString(s.executeBatch());
            } catch (BatchUpdateException e) {
                c.rollback();
                return e.getSQLState() + " " + Arrays.toString(e.getUpdateCounts()) + query(c, "SELECT count(*) FROM batch");
            }
        });
        check("a rewritten batch", c -> {
            try (PreparedStatement p = c.prepareStatement("INSERT INTO batch VALUES (?, ?)")) {
                for (int i = 2000; i < 2100; i++) {
                    p.setInt(1, i);
                    p.setString(2, "r");
                    p.addBatch();
                }
                return p.executeBatch().length + query(c, "SELECT count(*) FROM batch WHERE a >= 2000");
            }
        }, "reWriteBatchedInserts", "true");
        check("generated keys", c -> {
            run(c, "CREATE TABLE keys (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, made int DEFAULT 7)");
            StringBuilder all = new StringBuilder();
            try (Statement s = c.createStatement()) {
                s.executeUpdate("INSERT INTO keys (name) VALUES ('a'), ('b')", Statement.RETURN_GENERATED_KEYS);
                all.append(rows(s.getGeneratedKeys()));
            }
            try (PreparedStatement p = c.prepareStatement("INSERT INTO keys (name) VALUES (?)", new String[] {"id", "made"})) {
                for (int i = 0; i < 3; i++) {
                    p.setString(1, "p" + i);
                    p.addBatch();
                }
                p.executeBatch();
                all.append(rows(p.getGeneratedKeys()));
            }
            all.append(rows(c.getMetaData().getColumns(null, "public", "keys", "%")));
            run(c, "DROP TABLE keys; DROP TABLE batch");
            return all;
        });
        check("a function's value", c -> {
            try (CallableStatement f = c.prepareCall("{? = call abs(?)}")) {
                f.registerOutParameter(1, Types.INTEGER);
                f.setInt(2, -5);
                f.execute();
                return f.getInt(1);
            }
        });
        check("escapes", c -> query(c, "SELECT {fn concat('a', 'b')}, {d '2024-01-02'}, {ts '2024-01-02 03:04:05'}, {fn ucase('x')}, {fn timestampadd(SQL_TSI_DAY, 1, {d '2024-01-02'})}, 'a' LIKE 'b%' {escape '!'}"));
        check("the operator ?", c -> {
            try (PreparedStatement p = c.prepareStatement("SELECT count(*) FROM events WHERE payload ?? ?")) {
                p.setString(1, "a");
                return rows(p.executeQuery());
            }
        });
        check("warnings", c -> {
            try (Statement s = c.createStatement()) {
                s.execute("DROP TABLE IF EXISTS never_was");
                return s.getWarnings().getSQLState() + " " + s.getWarnings().getMessage();
            }
        });
        for (String sql : new String[] {"SELECT nosuch FROM events", "SELECT * FROM nosuch", "SELEC 1", "SELECT 1/0", "SELECT 'x'::int", "INSERT INTO events (id) VALUES (1)", "SELECT 9999999999::int", "SELECT abs('a', 1)"}) {
            check("error of " + sql, c -> query(c, sql));
        }
    }

    static void results() {
        check("fetch size", c -> {
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(2);
                return rows(s.executeQuery("SELECT id, name FROM events ORDER BY id"));
            }
        });
        check("fetch size, closed early, and another at once", c -> {
            c.setAutoCommit(false);
            try (Statement a = c.createStatement(); Statement b = c.createStatement()) {
                a.setFetchSize(1);
                b.setFetchSize(1);
                ResultSet one = a.executeQuery("SELECT n FROM generate_series(1, 100000) AS n");
                ResultSet two = b.executeQuery("SELECT id FROM events ORDER BY id");
                one.next();
                two.next();
                one.next();
                one.close();
                two.next();
                return two.getLong(1) + " " + query(c, "SELECT count(*) FROM pg_cursors");
            }
        });
        check("max rows", c -> {
            try (Statement s = c.createStatement(); PreparedStatement p = c.prepareStatement("SELECT id FROM events ORDER BY id")) {
                s.setMaxRows(3);
                p.setMaxRows(2);
                return rows(s.executeQuery("SELECT id FROM events ORDER BY id")) + rows(p.executeQuery()) + rows(p.executeQuery());
            }
        });
        check("scrolling", c -> {
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY); ResultSet r = s.executeQuery("SELECT id FROM events ORDER BY id")) {
                r.last();
                long last = r.getLong(1);
                r.absolute(2);
                return last + " " + r.getLong(1) + " " + r.previous() + r.isFirst();
            }
        });
        check("updatable", c -> {
            run(c, "CREATE TABLE changed (id int PRIMARY KEY, name text); INSERT INTO changed VALUES (1, 'a'), (2, 'b')");
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE); ResultSet r = s.executeQuery("SELECT id, name FROM changed ORDER BY id")) {
                r.next();
                r.updateString("name", "changed");
                r.updateRow();
                r.next();
                r.deleteRow();
                r.moveToInsertRow();
                r.updateInt("id", 3);
                r.updateString("name", "inserted");
                r.insertRow();
            }
            String now = query(c, "SELECT * FROM changed ORDER BY id");
            run(c, "DROP TABLE changed");
            return now;
        });
        check("holdable", c -> {
            c.setAutoCommit(false);
            c.setHoldability(ResultSet.HOLD_CURSORS_OVER_COMMIT);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(2);
                ResultSet r = s.executeQuery("SELECT id FROM events ORDER BY id");
                r.next();
                c.commit();
                return 1 + count(r);
            }
        });
        check("a cursor with hold", c -> {
            c.setAutoCommit(false);
            run(c, "DECLARE held CURSOR WITH HOLD FOR SELECT id FROM events ORDER BY id");
            String before = query(c, "FETCH 2 FROM held");
            c.commit();
            return before + query(c, "FETCH ALL FROM held") + run(c, "CLOSE held");
        });
        check("a cursor's rows by the extended protocol", c -> {
            c.setAutoCommit(false);
            run(c, "DECLARE c SCROLL CURSOR FOR SELECT id, name FROM events ORDER BY id");
            StringBuilder all = new StringBuilder();
            try (PreparedStatement p = c.prepareStatement("FETCH FORWARD 2 FROM c")) {
                for (int i = 0; i < 4; i++) {
                    all.append(rows(p.executeQuery()));
                }
            }
            return all;
        });
        check("adaptive fetch", c -> {
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                return count(s.executeQuery("SELECT repeat('x', 100), n FROM generate_series(1, 5000) AS n"));
            }
        }, "defaultRowFetchSize", "10", "adaptiveFetch", "true", "maxResultBuffer", "1M");
    }

    static void transactions() {
        check("isolation", c -> {
            StringBuilder all = new StringBuilder();
            for (int level : new int[] {Connection.TRANSACTION_READ_UNCOMMITTED, Connection.TRANSACTION_READ_COMMITTED, Connection.TRANSACTION_REPEATABLE_READ, Connection.TRANSACTION_SERIALIZABLE}) {
                c.setTransactionIsolation(level);
                all.append(c.getTransactionIsolation()).append(' ');
            }
            return all;
        });
        check("read only", c -> {
            c.setReadOnly(true);
            c.setAutoCommit(false);
            return run(c, "CREATE TABLE never (a int)");
        });
        check("read only always", c -> {
            c.setReadOnly(true);
            return run(c, "CREATE TABLE never (a int)");
        }, "readOnlyMode", "always");
        check("savepoints", c -> {
            c.setAutoCommit(false);
            run(c, "CREATE TABLE saved (a int)");
            Savepoint first = c.setSavepoint();
            run(c, "INSERT INTO saved VALUES (1)");
            Savepoint named = c.setSavepoint("named \"one\"");
            run(c, "INSERT INTO saved VALUES (2)");
            c.rollback(named);
            String kept = query(c, "SELECT * FROM saved");
            c.releaseSavepoint(named);
            c.rollback(first);
            kept += query(c, "SELECT count(*) FROM saved");
            c.rollback();
            return kept;
        });
        check("autosave", c -> {
            c.setAutoCommit(false);
            run(c, "CREATE TABLE autosaved (a int)");
            try {
                query(c, "SELECT nosuch");
            } catch (SQLException e) {
                // the transaction goes on
            }
            run(c, "INSERT INTO autosaved VALUES (1)");
            String kept = query(c, "SELECT * FROM autosaved");
            c.rollback();
            return kept;
        }, "autosave", "always");
        check("an aborted transaction", c -> {
            c.setAutoCommit(false);
            try {
                query(c, "SELECT 1/0");
            } catch (SQLException e) {
                // what follows is refused
            }
            return query(c, "SELECT 1");
        });
        check("commit of an aborted transaction", c -> {
            c.setAutoCommit(false);
            try {
                query(c, "SELECT 1/0");
            } catch (SQLException e) {
                // what follows is refused
            }
            c.commit();
            return "committed";
        });
    }

    static void copying() {
        check("copy in and out", c -> {
            run(c, "CREATE TABLE copied (a int, b text)");
            CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
            long in = m.copyIn("COPY copied FROM STDIN", new StringReader("1\tone\n2\t\\N\n3\tthr\\tee\n"));
            CopyIn more = m.copyIn("COPY copied FROM STDIN WITH (FORMAT csv)");
            byte[] rows = "4,four\n5,\"fi,ve\"\n".getBytes(StandardCharsets.UTF_8);
            more.writeToCopy(rows, 0, 7);
            more.flushCopy();
            more.writeToCopy(rows, 7, rows.length - 7);
            in += more.endCopy();
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            long n = m.copyOut("COPY (SELECT * FROM copied ORDER BY a) TO STDOUT WITH (FORMAT csv, HEADER)", text);
            return in + " " + n + " " + text.toString("UTF-8").replace("\n", "; ");
        });
        check("binary copy", c -> {
            CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
            ByteArrayOutputStream binary = new ByteArrayOutputStream();
            m.copyOut("COPY copied TO STDOUT WITH (FORMAT binary)", binary);
            run(c, "TRUNCATE copied");
            long in = m.copyIn("COPY copied FROM STDIN WITH (FORMAT binary)", new ByteArrayInputStream(binary.toByteArray()));
            return in + query(c, "SELECT * FROM copied ORDER BY a");
        });
        check("a copy that is called off", c -> {
            CopyIn in = c.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY copied FROM STDIN");
            byte[] row = "9\tnine\n".getBytes(StandardCharsets.UTF_8);
            in.writeToCopy(row, 0, row.length);
            in.cancelCopy();
            return query(c, "SELECT count(*) FROM copied WHERE a = 9");
        });
        check("a copy of bad rows", c -> {
            try {
                return c.unwrap(PGConnection.class).getCopyAPI().copyIn("COPY copied FROM STDIN", new StringReader("x\ty\n"));
            } finally {
                run(c, "DROP TABLE copied");
            }
        });
    }

    static void sessions() {
        check("isValid", c -> c.isValid(10));
        check("notifications", c -> {
            run(c, "LISTEN \"Here\"");
            try (Connection other = open()) {
                run(other, "NOTIFY \"Here\", 'payload'");
            }
            StringBuilder all = new StringBuilder();
            PGNotification[] got = c.unwrap(PGConnection.class).getNotifications(20000);
            for (PGNotification n : got == null ? new PGNotification[0] : got) {
                all.append(n.getName()).append(' ').append(n.getParameter()).append("; ");
            }
            return all;
        });
        check("cancel", c -> {
            try (Statement s = c.createStatement()) {
                Thread t = new Thread(() -> {
                    try {
                        for (int i = 0; i < 100; i++) {
                            Thread.sleep(100);
                            s.cancel();
                        }
                    } catch (InterruptedException | SQLException e) {
                        // the statement has ended
                    }
                });
                t.start();
                try {
                    s.execute("SELECT pg_sleep(60)");
                } finally {
                    t.interrupt();
                    t.join();
                }
            }
            return "not cancelled";
        });
        check("query timeout", c -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                s.execute("SELECT pg_sleep(60)");
            }
            return "not cancelled";
        });
        check("after a timeout", c -> {
            try (Statement s = c.createStatement()) {
                s.setQueryTimeout(1);
                s.execute("SELECT pg_sleep(60)");
            } catch (SQLException e) {
                // the session goes on
            }
            return query(c, "SELECT 1");
        });
        check("schema", c -> {
            c.setSchema("streams");
            return c.getSchema() + query(c, "SELECT count(*) FROM s1");
        });
        check("currentSchema", c -> query(c, "SHOW search_path") + query(c, "SELECT count(*) FROM s1"), "currentSchema", "streams,public");
        check("client info", c -> {
            c.setClientInfo("ApplicationName", "an application");
            return query(c, "SHOW application_name") + query(c, "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()");
        });
        check("options", c -> query(c, "SHOW statement_timeout") + query(c, "SHOW work_mem"), "options", "-c statement_timeout=90s -c work_mem=8MB");
        check("primary", c -> query(c, "SHOW transaction_read_only"), "targetServerType", "primary");
        check("parameter statuses", c -> {
            Map<String, String> all = new TreeMap<>(new HashMap<>(c.unwrap(PGConnection.class).getParameterStatuses()));
            all.remove("server_version");
            return all;
        });
        check("an array of rows", c -> query(c, "SELECT array_agg(s) FROM (SELECT id, name FROM events ORDER BY id LIMIT 2) AS s"));
        check("network timeout", c -> {
            c.setNetworkTimeout(Runnable::run, 60000);
            return c.getNetworkTimeout() + query(c, "SELECT 1");
        });
    }
}
