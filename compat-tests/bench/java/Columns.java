import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;

/** The median time of DatabaseMetaData.getColumns over a schema, in milliseconds, for each URL. */
public class Columns {
    static int columns(Connection c) throws SQLException {
        int n = 0;
        try (ResultSet r = c.getMetaData().getColumns(null, "public", "%", "%")) {
            while (r.next()) {
                n++;
            }
        }
        return n;
    }

    public static void main(String[] urls) throws SQLException {
        Connection[] all = new Connection[urls.length];
        double[][] took = new double[urls.length][7];
        int n = 0;
        for (int i = 0; i < urls.length; i++) {
            all[i] = DriverManager.getConnection(urls[i]);
            n = columns(all[i]);
        }
        for (int run = 0; run < took[0].length; run++) {
            for (int i = 0; i < urls.length; i++) {
                long began = System.nanoTime();
                if (columns(all[i]) != n) {
                    throw new IllegalStateException("the servers have different columns");
                }
                took[i][run] = (System.nanoTime() - began) / 1e6;
            }
        }
        for (double[] t : took) {
            Arrays.sort(t);
            System.out.println(n + " " + t[t.length / 2]);
        }
    }
}
