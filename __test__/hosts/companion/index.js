/**
 * A plugin for tests only: it runs inside the gateway beside the installed Parall plugin and offers, on a loopback port, the fork
 * functions of the installed files and turns in any session. The port is written into a file that the environment names.
 */
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";

const MILLISECOND = 1e6;
const { PARALL_COMPANION_PORT: portFile, PARALL_COMPANION_SHIM: shim } = process.env;

export default {
  id: "parall-companion",
  name: "Companion of the tests",
  description: "Lets a test drive the installed Parall plugin from inside the gateway.",
  configSchema: { jsonSchema: { type: "object", additionalProperties: true, properties: {} } },
  register(api) {
    if ((api.registrationMode ?? "full") !== "full") return;
    let server;
    api.registerService({
      id: "parall-companion",
      start: async () => {
        server = await listen(await actions(api.runtime));
      },
      stop: () => server.close().closeAllConnections(),
    });
  },
};

async function actions(runtime) {
  const load = (name) => import(pathToFileURL(path.join(shim, name)).href);
  const [fork, { runTurn }, { readConfig }] = await Promise.all([load("forks/fork.js"), load("gateway/turn.js"), load("host.js")]);
  const { channel } = runtime;
  const request = (given) => ({ runtime, channel, cfg: readConfig(runtime), agentId: "main", accountId: "default", ...given });
  return {
    detect: () => fork.detectForkBackend(runtime, channel),
    create: (given) => watched(() => fork.createFork(request(given))),
    remove: (given) => watched(() => fork.removeFork(request(given))),
    leftovers: (given) => fork.findLeftoverForks(request(given)),
    compact: (given) => compact({ ...request(given), ...given }),
    turn: async ({ sessionKey, text, id }) => {
      const texts = [];
      const place = {
        ...{ ctx: { accountId: "default" }, runtime, channel, agentId: "main", log: () => {} },
        deliver: async (_turn, part) => texts.push(part.text),
      };
      const outcome = await runTurn(place, turnOf({ sessionKey, text, id }));
      return { ...outcome, texts };
    },
  };
}

/** Compacts a session in the host's database, as the host does, but with our own summary. */
async function compact({ runtime, channel, cfg, agentId, parentSessionKey, kept, summary }) {
  const [{ SessionManager }, { readSessionTranscriptEvents }] = await Promise.all([
    import("openclaw/plugin-sdk/agent-sessions"),
    import("openclaw/plugin-sdk/session-transcript-runtime"),
  ]);
  const scope = { agentId, sessionKey: parentSessionKey, storePath: channel.session.resolveStorePath(cfg.session?.store, { agentId }) };
  const { sessionId } = runtime.agent.session.getSessionEntry(scope);
  const events = await readSessionTranscriptEvents({ ...scope, sessionId });
  const first = events.find((event) => event.message?.role === "user" && JSON.stringify(event).includes(kept));
  return SessionManager.open({ ...scope, sessionId }).appendCompaction(summary, first.id, 1000);
}

/** Runs something and says how long it took and how long the event loop stood still meanwhile. */
async function watched(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.reset();
  // The first tick after a reset only begins to count.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const started = performance.now();
  const result = await work();
  const milliseconds = performance.now() - started;
  await new Promise((resolve) => setTimeout(resolve, 5));
  delay.disable();
  return { result: result ?? null, milliseconds, stall: delay.max / MILLISECOND };
}

function turnOf({ sessionKey, text, id }) {
  return {
    ...{ id, sessionKey, text, rawText: text, messageId: id, timestamp: Date.now() },
    ...{ target: "cht_test", chatType: "direct", conversationLabel: "Test", senderId: "usr_test", senderName: "Test" },
  };
}

async function listen(known) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    const answer = (code, value) => response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(value));
    try {
      answer(200, (await known[request.url.slice(1)](JSON.parse(body))) ?? null);
    } catch (error) {
      answer(500, { message: error.message, code: error.code });
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  writeFileSync(`${portFile}.new`, String(server.address().port));
  renameSync(`${portFile}.new`, portFile);
  return server;
}
