/**
 * One agent that hears messages and does nothing with them: `ours`, or `plain`, which does the least that can be done.
 *
 *     node latency-host.mjs ours|plain URL KEY FOLDER [keep]
 *
 * Says `{ connected: true }` to its parent, and `{ id, at }` for each message when the host would be asked to run its turn, `at` in
 * milliseconds since the epoch.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import http from "node:http";
import path from "node:path";

/** With `keep` nothing is acknowledged. */
const [kind, url, key, folder, keep] = process.argv.slice(2);
const ORG = "org_demo";
const now = () => performance.timeOrigin + performance.now();
// Callbacks of the native part do not keep a process alive; the parent does.
process.on("disconnect", () => process.exit());
const started = (id) => process.send({ id, at: now() });

async function ours() {
  const { native, noForks } = await import("../js/support.mjs");
  // Without a reference the account would end with the next collection of garbage.
  globalThis.gateway = native.startGateway(
    {
      accountId: "default",
      parallUrl: url,
      apiKey: key,
      orgId: ORG,
      agentId: "main",
      stateDir: folder,
      senderTurns: 1_000_000,
      collectEvents: 1,
    },
    {
      ...noForks,
      runTurn: async (turn) => {
        started(turn.messageId);
        return { started: true };
      },
      status: (patch) => JSON.parse(patch).connected && process.send({ connected: true }),
      log: () => {},
    },
  );
}

/**
 * A frame in, its message fetched, one row written and synced, a callback; then the acknowledgement. Over connections that are open
 * already, with the leanest parts that Node has, and without any thought of what may go wrong.
 */
async function plain() {
  const { default: WebSocket } = await import("ws");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  const request = (method, where) =>
    new Promise((resolve, reject) => {
      const call = http.request(
        `${url}/api/v1${where}`,
        { method, agent, headers: { authorization: `Bearer ${key}` } },
        async (response) => {
          const chunks = [];
          for await (const chunk of response) chunks.push(chunk);
          const text = Buffer.concat(chunks).toString();
          resolve(text === "" ? undefined : JSON.parse(text));
        },
      );
      call.on("error", reject).end();
    });
  const journal = openSync(path.join(folder, "plain.jsonl"), "a", 0o600);
  process.on("exit", () => closeSync(journal));
  const { ticket, ws_url: address } = await request("POST", "/ws/ticket");
  const socket = new WebSocket(`${address}?ticket=${ticket}`);
  socket.on("message", async (data) => {
    const { type, data: dispatch } = JSON.parse(data);
    if (type === "hello") process.send({ connected: true });
    if (type !== "dispatch.new") return;
    const message = await request("GET", `/messages/${dispatch.source_id}`);
    writeSync(journal, `${JSON.stringify({ dispatch: dispatch.id, message: message.id, chat: message.chat_id })}\n`);
    fdatasyncSync(journal);
    started(message.id);
    if (!keep) await request("POST", `/orgs/${ORG}/dispatch/${dispatch.id}/ack`);
  });
}

await { ours, plain }[kind]();
