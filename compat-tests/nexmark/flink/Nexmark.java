import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs a query of Nexmark in Flink SQL over topics, to their ends, and prints the
 * processor time that this process took for it, in nanoseconds, and the time on the
 * wall. Planning and submission are not counted, and the query runs once before, so
 * that what is counted is compiled.
 *
 * <p>Arguments: the brokers, the file of q13's table, and the file of the query.
 */
public class Nexmark {
  static final String TOPIC = " WITH ('connector' = 'kafka', 'topic' = '%s', 'properties.bootstrap.servers' = '%s',"
      + " 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset', 'format' = 'json',"
      + " 'json.timestamp-format.standard' = 'ISO-8601')";
  static final String WATERMARK = ", WATERMARK FOR date_time AS date_time - INTERVAL '4' SECOND)";

  public static void main(String[] args) throws Exception {
    Configuration settings = new Configuration();
    settings.setString("rest.port", "0");
    settings.setString("rest.bind-port", "0");
    settings.setString("rest.address", "localhost");
    settings.setString("parallelism.default", "1");
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("taskmanager.memory.network.min", "64mb");
    MiniClusterConfiguration cluster = new MiniClusterConfiguration.Builder()
        .setConfiguration(settings).setNumTaskManagers(1).setNumSlotsPerTaskManager(2).build();
    try (MiniCluster running = new MiniCluster(cluster)) {
      running.start();
      settings.setString("execution.target", "remote");
      settings.setString("rest.port", Integer.toString(running.getRestAddress().get().getPort()));
      settings.setString("table.local-time-zone", "UTC");
      String query = Files.readString(Path.of(args[2])).strip();
      run(settings, args[0], args[1], query);
      System.out.println(run(settings, args[0], args[1], query));
    }
    System.exit(0); // clients leave threads behind
  }

  static String run(Configuration settings, String brokers, String side, String query) throws Exception {
    TableEnvironment env = TableEnvironment.create(
        EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
    env.executeSql("CREATE TABLE person (id BIGINT, name STRING, email STRING, credit_card STRING, city STRING, state STRING,"
        + " date_time TIMESTAMP_LTZ(3), extra STRING" + WATERMARK + TOPIC.formatted("person", brokers));
    env.executeSql("CREATE TABLE auction (id BIGINT, item_name STRING, description STRING, initial_bid BIGINT, reserve BIGINT,"
        + " date_time TIMESTAMP_LTZ(3), expires TIMESTAMP_LTZ(3), seller BIGINT, category BIGINT, extra STRING"
        + WATERMARK + TOPIC.formatted("auction", brokers));
    env.executeSql("CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,"
        + " date_time TIMESTAMP_LTZ(3), extra STRING, arrived AS PROCTIME()" + WATERMARK + TOPIC.formatted("bid", brokers));
    env.executeSql("CREATE TABLE side (key BIGINT, `value` STRING) WITH ('connector' = 'filesystem', 'path' = '" + side + "', 'format' = 'csv')");
    var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    var job = env.executeSql("CREATE TABLE answer WITH ('connector' = 'blackhole') AS " + query);
    long cpu = system.getProcessCpuTime();
    long begun = System.nanoTime();
    job.await();
    return "%d %d".formatted(system.getProcessCpuTime() - cpu, System.nanoTime() - begun);
  }
}
