/**
 * From a frame on the socket to the host call that starts the turn, at 100 messages a second on loopback. The server runs in
 * a process of its own; both read the same clock.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { native, noForks } from "../js/support.mjs";
import { percentile, row } from "./table.mjs";

const MESSAGES = 1_000;
const PER_SECOND = 100;
const WARM_UP = 100;
const server = fileURLToPath(new URL("../server/main.js", import.meta.url));

/** Wall-clock milliseconds with fractions, comparable between processes. */
const now = () => performance.timeOrigin + performance.now();

export async function latency() {
  const child = spawn(process.execPath, [server, "--seed"], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const { url } = JSON.parse(line);
  const control = async (name, body) => (await fetch(`${url}/_control/${name}`, { method: "POST", body: JSON.stringify(body) })).json();

  const started = new Map();
  let connected;
  const ready = new Promise((resolve) => {
    connected = resolve;
  });
  const gateway = native.startGateway(
    { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main" },
    {
      ...noForks,
      runTurn: async (turn) => {
        started.set(turn.messageId, now());
        return { started: true };
      },
      status: (patch) => JSON.parse(patch).connected && connected(),
      log: () => {},
    },
  );
  await ready;

  const begin = now();
  const said = [];
  for (let index = 0; index < MESSAGES; index += 1) {
    const due = begin + (index * 1000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - now())));
    said.push(control("say", { from: "usr_ada", chat: "cht_Ada", text: `message ${index}` }));
  }
  const ids = (await Promise.all(said)).map((message) => message.id);
  await control("wait", { kind: "dispatch", status: "acked", count: MESSAGES, timeout_ms: 60_000 });
  const { started_at: startedAt, events } = await control("timeline", {});
  await gateway.close();
  child.kill();

  const dispatches = new Map();
  for (const { event, source, at } of events) if (event === "dispatch") dispatches.set(source, startedAt + at);
  const times = ids.slice(WARM_UP).map((id) => started.get(id) - dispatches.get(id));
  return [row("frame to host call, p50", percentile(times, 50), "ms", 2), row("frame to host call, p99", percentile(times, 99), "ms", 10)];
}
