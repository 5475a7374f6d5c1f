// usage: node traffic/send-traffic.mjs URL [REQUESTS_PER_SECOND]
// Sends until SIGTERM, SIGINT or the end of its standard input; writes one JSON report a second, and at last one with
// "final": true and the acknowledged notes that are missing (must be []). A process of its own, so that nothing that happens to
// shipway can stop the traffic.
import { startLoad } from './load-client.mjs';

const [url, rate] = process.argv.slice(2);
if (url === undefined) {
  process.stderr.write('usage: node send-traffic.mjs URL [REQUESTS_PER_SECOND]\n');
  process.exit(2);
}
const load = startLoad({ url, requestsPerSecond: Number(rate ?? 100), name: `traffic-${process.pid}` });
const ticker = setInterval(() => process.stdout.write(`${JSON.stringify(load.report())}\n`), 1000);

let isStopping = false;
async function finish() {
  if (isStopping) return;
  isStopping = true;
  clearInterval(ticker);
  const report = await load.stop();
  const missing = await load.findMissing().catch((error) => [error.message]);
  process.stdout.write(`${JSON.stringify({ ...report, missing, final: true })}\n`, () => process.exit(0));
}
process.on('SIGTERM', () => void finish());
process.on('SIGINT', () => void finish());
// Whoever started us holds the other end: when it dies, we end too and nothing is left behind.
if (!process.stdin.isTTY) process.stdin.on('end', () => void finish()).resume();
