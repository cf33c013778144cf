// Runs queries, one JSON string a line of standard input, and writes for each a
// line of JSON: its rows as text, and the wall and processor time in seconds.
const readline = require('node:readline');
const { DuckDBInstance } = require('@duckdb/node-api');

async function main() {
  const instance = await DuckDBInstance.create(':memory:');
  const db = await instance.connect();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const wall = process.hrtime.bigint();
    let answer;
    try {
      const result = await db.runAndReadAll(JSON.parse(line));
      answer = { rows: result.getRows().map((r) => r.map((v) => (v === null ? null : String(v)))) };
    } catch (e) {
      answer = { error: String(e) };
    }
    const used = process.cpuUsage(cpu);
    answer.wall = Number(process.hrtime.bigint() - wall) / 1e9;
    answer.cpu = (used.user + used.system) / 1e6;
    console.log(JSON.stringify(answer));
  }
}
main();
