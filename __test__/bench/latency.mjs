/**
 * From a frame on the socket to the host call that starts the turn, at 25 messages a second on loopback, the journal on the disk:
 * ours, and beside it in the same seconds a plain client that does the least that can be done. Server and clients are processes of
 * their own; all read the same clock.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { beside, percentile } from "./table.mjs";

/** To each of the two. */
const MESSAGES = 500;
/** To both together. More than a busy machine can sync would measure a queue instead. */
const PER_SECOND = 50;
const WARM_UP = 100;
/** How much longer ours may take. */
const [P50, P99] = [1.2, 1.5];
const server = fileURLToPath(new URL("../server/main.js", import.meta.url));
const host = fileURLToPath(new URL("latency-host.mjs", import.meta.url));

/** Wall-clock milliseconds with fractions, comparable between processes. */
const now = () => performance.timeOrigin + performance.now();

export async function latency() {
  const folder = mkdtempSync(path.join(tmpdir(), "parall-bench-latency-"));
  const child = spawn(process.execPath, [server, "--seed"], { stdio: ["ignore", "pipe", "inherit"] });
  const clients = [];
  try {
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    const { url } = JSON.parse(line);
    const control = async (name, body) => (await fetch(`${url}/_control/${name}`, { method: "POST", body: JSON.stringify(body) })).json();
    for (const kind of ["ours", "plain"]) clients.push(await client(kind, url, control, folder));
    return report(await measure(clients, control));
  } finally {
    for (const { process } of clients) process.kill("SIGKILL");
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An agent with a process and a chat of its own. */
async function client(kind, url, control, folder) {
  const { id, key } = await control("agent", { name: kind });
  const { id: chat } = await control("chat", { type: "direct", members: ["usr_ada", id] });
  const process = fork(host, [kind, url, key, folder]);
  await once(process, "message");
  const started = new Map();
  process.on("message", (message) => started.set(message.id, message.at));
  return { kind, process, chat, started };
}

/** Says messages to both in turns; times by kind. */
async function measure(clients, control) {
  const begin = now();
  const said = [];
  for (let index = 0; index < MESSAGES * clients.length; index += 1) {
    const due = begin + (index * 1000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - now())));
    const { chat } = clients[index % clients.length];
    said.push(control("say", { from: "usr_ada", chat, text: `message ${index}` }));
  }
  const ids = (await Promise.all(said)).map((message) => message.id);
  await control("wait", { kind: "dispatch", status: "acked", count: ids.length, timeout_ms: 60_000 });
  const { started_at: startedAt, events } = await control("timeline", {});
  const dispatched = new Map();
  for (const { event, source, at } of events) if (event === "dispatch") dispatched.set(source, startedAt + at);
  const times = ({ started }, place) => {
    const own = ids.filter((_, index) => index % clients.length === place).slice(WARM_UP);
    return own.map((id) => started.get(id) - dispatched.get(id));
  };
  return Object.fromEntries(clients.map((one, place) => [one.kind, times(one, place)]));
}

function report({ ours, plain }) {
  const of = (rank) => [percentile(ours, rank), percentile(plain, rank)];
  return [
    beside("frame to host call, p50", ...of(50), "ms", "a plain client", P50),
    beside("frame to host call, p99", ...of(99), "ms", "a plain client", P99),
  ];
}

if (process.argv[1] === import.meta.filename) {
  console.table(await latency());
  process.exit(0);
}
