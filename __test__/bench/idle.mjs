/** What an idle process with one connected account needs beyond the same process without it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { LocalParall } from "../server/server.js";
import { median, row } from "./table.mjs";

const ROUNDS = 5;
const MEGABYTE = 1024 * 1024;
const root = fileURLToPath(new URL("../..", import.meta.url));

const program = `
  import { createRequire } from "node:module";
  import entry from "./src/shim/index.js";
  setInterval(() => {}, 1000); // callbacks of the native part do not keep a process alive
  const settle = () => new Promise((resolve) => setTimeout(resolve, 1500));
  globalThis.gc();
  await settle();
  const before = process.memoryUsage.rss();
  if (process.env.BENCH_URL) {
    entry.register({ registrationMode: "full", rootDir: process.cwd(), runtime: {}, registerChannel() {}, registerCli() {} });
    const native = createRequire(process.cwd() + "/package.json")("./parall.linux-x64-gnu.node");
    await new Promise((resolve) => {
      globalThis.gateway = native.startGateway(
        { accountId: "default", parallUrl: process.env.BENCH_URL, apiKey: "key_agent", orgId: "org_demo", agentId: "main" },
        { runTurn: async () => ({ started: true }), createFork: async () => null, removeFork: async () => {}, leftoverForks: async () => [],
          status: (patch) => JSON.parse(patch).connected && resolve(), log() {} });
    });
  }
  await settle();
  globalThis.gc();
  await settle();
  console.log(process.memoryUsage.rss() - before);
  process.exit(0);`;

async function measure(url) {
  const parameters = ["--expose-gc", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { cwd: root, env: { ...process.env, BENCH_URL: url } });
  return Number(stdout.trim()) / MEGABYTE;
}

export async function idle() {
  const parall = await LocalParall.start();
  parall.seed();
  const without = [];
  const connected = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    without.push(await measure(""));
    connected.push(await measure(parall.url));
  }
  await parall.close();
  return [row("resident memory of one connected account", median(connected) - median(without), "MB", 20)];
}
