/**
 * A host that never gets tired: the plugin as it is shipped, beside a host whose agent says one sentence at once.
 *
 *     node --expose-gc memory-host.mjs URL STATE_FOLDER
 *
 * Says `{ connected: true }` to its parent, and what it holds whenever that asks.
 */
import entry from "../../src/shim/index.js";
import { plugin } from "../../src/shim/plugin.js";
import { shared } from "../../src/shim/state.js";

const [url, folder] = process.argv.slice(2);
const cfg = { channels: { parall: { parall_url: url, api_key: "key_agent", org_id: "org_demo" } } };
let status = {};
let turns = 0;
const counted = { warn: 0, error: 0 };

/** As much of a host as a turn asks for. It keeps nothing of it. */
const channel = {
  reply: {
    finalizeInboundContext: (context) => ({ ...context }),
    dispatchReplyWithBufferedBlockDispatcher: async ({ ctx, dispatcherOptions, replyOptions }) => {
      turns += 1;
      replyOptions.onAgentRunStart(`run-${turns}`);
      await new Promise(setImmediate);
      await dispatcherOptions.deliver({ text: `Turn ${turns} has read ${ctx.BodyForAgent.length} characters.` }, { kind: "final" });
    },
  },
  session: { resolveStorePath: () => `${folder}/sessions.json`, recordInboundSession: async () => {} },
};
const runtime = {
  channel,
  config: { current: () => cfg },
  state: { resolveStateDir: () => folder },
  events: { onAgentEvent: () => () => {} },
};

entry.register({ registrationMode: "full", rootDir: undefined, runtime, registerChannel() {}, registerCli() {}, registerTool() {} });
const controller = new AbortController();
const started = plugin.gateway.startAccount({
  cfg,
  accountId: "default",
  account: plugin.config.resolveAccount(cfg),
  channelRuntime: channel,
  abortSignal: controller.signal,
  log: {
    info() {},
    warn: () => (counted.warn += 1),
    error(message) {
      counted.error += 1;
      console.error(message);
    },
  },
  getStatus: () => status,
  setStatus(next) {
    if (next.connected && !status.connected) process.send({ connected: true });
    status = next;
  },
});

process.on("message", async (message) => {
  if (message === "end") {
    controller.abort();
    await started;
    process.disconnect();
    return;
  }
  const rss = process.memoryUsage.rss();
  globalThis.gc();
  // Finalizers of the native part run after a collection.
  await new Promise(setImmediate);
  globalThis.gc();
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  process.send({
    held: {
      rss,
      heapTotal,
      heapUsed,
      external,
      native: status.nativeMemoryBytes,
      journal: status.journalBytes,
      runs: shared().runs.size,
      turns,
      ...counted,
    },
  });
});
