/** The shim between a host and the native part, both of which are stand-ins here; the real ones meet in `__test__/hosts`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { configPlace } from "../src/shim/config-place.js";
import { startAccount, stopAccount } from "../src/shim/gateway.js";
import { plugin } from "../src/shim/plugin.js";
import { shared } from "../src/shim/state.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const SECTION = { parall_url: "https://parall.example", api_key: "agk_secret", org_id: "org_1" };
const CFG = { channels: { parall: SECTION } };
const TURN = {
  id: "turn_1",
  sessionKey: "Agent:Main:Parall:Default",
  text: "[Event: message.new]\n\nHello",
  rawText: "Hello",
  target: "cht_Ab1",
  chatType: "group",
  conversationLabel: "Launch",
  senderId: "usr_1",
  senderName: "Mira",
  messageId: "msg_1",
  threadRootId: "msg_0",
  timestamp: 1_700_000_000_000,
};

let addon;

beforeEach(() => {
  addon = fakeAddon();
  delete globalThis[Symbol.for("@parall/parall")];
  globalThis[Symbol.for(`@parall/parall/native@${version}`)] = addon;
});
afterEach(() => {
  delete globalThis[Symbol.for("@parall/parall")];
  delete globalThis[Symbol.for(`@parall/parall/native@${version}`)];
});

describe("startAccount", () => {
  it("is what the plugin offers to the host, loaded when it is needed", async () => {
    const aborted = { accountId: "default", abortSignal: AbortSignal.abort() };
    assert.equal(await plugin.gateway.startAccount(aborted), undefined);
    assert.equal(await plugin.gateway.stopAccount(aborted), undefined);
    assert.equal(addon.started.length, 0);
  });

  it("hands the account to the native part and stays pending until the host aborts", async () => {
    const account = start();
    assert.deepEqual(addon.started[0].options, {
      accountId: "default",
      parallUrl: SECTION.parall_url,
      apiKey: SECTION.api_key,
      orgId: SECTION.org_id,
      agentId: "main",
      ...configPlace(undefined),
    });
    assert.equal(await settled(account.promise), false);
    account.abort();
    await account.promise;
    assert.equal(addon.started[0].closed, 1);
    assert.equal(shared().accounts.size, 0);
  });

  it("passes address of the socket, kind of replies and state folder on", async () => {
    shared().runtime = { state: { resolveStateDir: () => "/state" } };
    const account = start({ cfg: { channels: { parall: { ...SECTION, ws_url: "wss://ws.example", replies: "explicit" } } } });
    const { wsUrl, replies, stateDir } = addon.started[0].options;
    assert.deepEqual({ wsUrl, replies, stateDir }, { wsUrl: "wss://ws.example", replies: "explicit", stateDir: "/state" });
    await account.end();
  });

  it("takes the agent from the host's routes", async () => {
    const account = start({ channel: { routing: { resolveAgentRoute: ({ channel }) => ({ agentId: `${channel}-agent` }) } } });
    assert.equal(addon.started[0].options.agentId, "parall-agent");
    await account.end();
  });

  it("falls back to the main agent when the host's routes fail", async () => {
    const resolveAgentRoute = () => {
      throw new Error("no route");
    };
    const account = start({ channel: { routing: { resolveAgentRoute } } });
    assert.equal(addon.started[0].options.agentId, "main");
    await account.end();
  });

  it("ends at once when the host aborted before", async () => {
    const controller = new AbortController();
    controller.abort();
    await startAccount({ ...contextOf({}), abortSignal: controller.signal });
    assert.equal(addon.started.length, 0);
  });

  it("stays pending with the full text in the status when the native part cannot be loaded, and logs it once", async () => {
    addon.startGateway = () => {
      throw new Error("the native part is missing\nTried: ...");
    };
    const first = start();
    assert.equal(await settled(first.promise), false);
    assert.equal(first.status.lastError, "the native part is missing\nTried: ...");
    assert.equal(first.status.lifecycle, "blocked");
    assert.notEqual(first.status.connected, false, "the oldest host would restart the channel again and again");
    await first.end();
    const second = start();
    await second.end();
    assert.equal([...first.logged, ...second.logged].filter(({ level }) => level === "error").length, 1);
  });

  it("merges status patches into what the host knows", async () => {
    const account = start();
    account.ctx.setStatus({ lastStartAt: 5 });
    addon.started[0].host.status('{"connected":true,"lastError":null}');
    const ready = { lifecycle: "ready", terminalDisconnect: undefined };
    assert.deepEqual(account.status, { accountId: "default", lastStartAt: 5, connected: true, lastError: null, ...ready });
    await account.end();
  });

  it("marks a blocked account so that newer hosts leave it alone, and stays pending", async () => {
    const account = start();
    addon.started[0].host.status('{"connected":false,"blocked":"the key was revoked"}');
    assert.equal(account.status.terminalDisconnect, true);
    assert.equal(account.status.lifecycle, "blocked");
    assert.equal(account.status.lastError, "the key was revoked");
    assert.equal("blocked" in account.status, false);
    assert.equal(await settled(account.promise), false);
    await account.end();
  });

  it("tells the host that an account is no longer blocked", async () => {
    const account = start();
    const { status } = addon.started[0].host;
    status('{"connected":false,"blocked":"the folder is read-only","lastError":"the folder is read-only"}');
    status('{"connected":false,"blocked":null,"lastError":null}');
    const told = () => [account.status.lifecycle, account.status.terminalDisconnect, account.status.lastError];
    assert.deepEqual(told(), ["starting", undefined, null]);
    status('{"connected":true,"blocked":null,"lastError":null}');
    assert.deepEqual(told(), ["ready", undefined, null]);
    await account.end();
  });

  it("survives a status that is no JSON and a host that refuses it", async () => {
    const account = start();
    assert.doesNotThrow(() => addon.started[0].host.status("{"));
    account.ctx.setStatus = () => {
      throw new Error("closed");
    };
    assert.doesNotThrow(() => addon.started[0].host.status("{}"));
    await account.end();
  });

  it("ends although the native part fails to close", async () => {
    const account = start();
    addon.started[0].gateway.close = async () => {
      throw new Error("stuck");
    };
    await account.end();
    assert.equal(shared().accounts.size, 0);
    assert.match(account.logged.at(-1).message, /stuck/);
  });

  it("may run again in the same process, each time with a gateway of its own", async () => {
    await start().end();
    const account = start();
    assert.equal(addon.started.length, 2);
    assert.equal(shared().accounts.get("default").gateway, addon.started[1].gateway);
    await account.end();
  });

  it("lets stopAccount wait for the end", async () => {
    const account = start();
    let close;
    addon.started[0].gateway.close = () => new Promise((resolve) => (close = resolve));
    const stopped = stopAccount(account.ctx);
    account.abort();
    assert.equal(await settled(stopped), false);
    close();
    await stopped;
    await account.promise;
  });
});

describe("a turn", () => {
  it("reaches the host with the agent's text, as command text too, and a lower-case session key", async () => {
    const host = fakeHost();
    const account = start({ channel: host.channel });
    await addon.started[0].host.runTurn(TURN);
    const { ctx } = host.dispatched[0];
    assert.equal(ctx.BodyForAgent, TURN.text);
    assert.equal(ctx.CommandBody, TURN.text, "a command that one person types would act on the session of all");
    assert.equal(ctx.RawBody, "Hello");
    assert.equal(ctx.CommandAuthorized, false);
    assert.equal(ctx.SessionKey, "agent:main:parall:default");
    assert.equal(ctx.OriginatingTo, "cht_Ab1");
    assert.equal(ctx.MessageSid, "msg_1#turn_1");
    assert.equal(ctx.MessageThreadId, "msg_0");
    assert.equal(ctx.ParentSessionKey, undefined);
    assert.deepEqual(host.recorded[0].sessionKey, "agent:main:parall:default");
    await account.end();
  });

  it("that is repeated after a failure looks new to the host, whose answer to it still finds the thread", async () => {
    const host = fakeHost();
    const account = start({ channel: host.channel });
    for (const id of ["turn-1", "turn-2"]) await addon.started[0].host.runTurn({ ...TURN, id, isRepeated: true });
    const sids = host.dispatched.map(({ ctx }) => ctx.MessageSid);
    assert.deepEqual(sids, ["msg_1#turn-1", "msg_1#turn-2"]);
    await plugin.outbound.sendText({ cfg: CFG, to: "cht_Ab1", text: "hi", replyToId: sids[0] });
    assert.deepEqual(addon.started[0].sent, [["cht_Ab1", "hi", "msg_1"]]);
    await account.end();
  });

  it("that a restart of the account or a crash cut off looks new to the host; one that the host did not run keeps its id", async () => {
    const host = fakeHost();
    const first = start({ channel: host.channel });
    await addon.started[0].host.runTurn({ ...TURN, id: "turn-1", messageId: "msg_cut" });
    await addon.started[0].host.runTurn({ ...TURN, id: "turn-2", messageId: "msg_cut" });
    await first.end();
    const second = start({ channel: host.channel });
    await addon.started[1].host.runTurn({ ...TURN, id: "turn-3", messageId: "msg_cut" });
    await addon.started[1].host.runTurn({ ...TURN, id: "turn-4", messageId: "msg_new" });
    assert.deepEqual(
      host.dispatched.map(({ ctx }) => ctx.MessageSid),
      ["msg_cut#turn-1", "msg_cut#turn-1", "msg_cut#turn-3", "msg_new#turn-4"],
    );
    await second.end();
  });

  it("uses the configuration of the moment", async () => {
    const host = fakeHost();
    const current = { channels: { parall: SECTION }, session: { store: "/elsewhere" } };
    shared().runtime = { config: { current: () => current } };
    const account = start({ channel: host.channel });
    await addon.started[0].host.runTurn(TURN);
    assert.equal(host.dispatched[0].cfg, current);
    assert.equal(host.recorded[0].storePath, "/elsewhere/main");
    await account.end();
  });

  it("waits for each part to stand in the chat before the host goes on", async () => {
    const order = [];
    const host = fakeHost(async ({ dispatcherOptions: { deliver } }) => {
      await deliver({ text: "one" }, { kind: "block" });
      order.push("host goes on");
      await deliver({ text: "two", isError: true }, { kind: "final" });
    });
    const account = start({ channel: host.channel });
    addon.started[0].gateway.deliver = async (turnId, part) => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push([turnId, part]);
    };
    assert.deepEqual(await addon.started[0].host.runTurn(TURN), { started: true });
    assert.deepEqual(order, [
      ["turn_1", { kind: "block", text: "one" }],
      "host goes on",
      ["turn_1", { kind: "final", text: "two", isError: true }],
    ]);
    await account.end();
  });

  it("tells the host when a part could not be delivered", async () => {
    let seen;
    const host = fakeHost(async ({ dispatcherOptions: { deliver } }) => {
      seen = await deliver({ text: "one" }, { kind: "final" }).catch((error) => error.code);
    });
    const account = start({ channel: host.channel });
    addon.started[0].gateway.deliver = async () => {
      throw Object.assign(new Error("offline"), { code: "PARALL_API_UNREACHABLE" });
    };
    await addon.started[0].host.runTurn(TURN);
    assert.equal(seen, "PARALL_API_UNREACHABLE");
    await account.end();
  });

  it("has started when the agent ran, also without an answer", async () => {
    const host = fakeHost(async ({ replyOptions }) => replyOptions.onAgentRunStart("run_1"));
    const account = start({ channel: host.channel });
    assert.deepEqual(await addon.started[0].host.runTurn(TURN), { started: true });
    await account.end();
  });

  it("passes on what the agent failed at, but not the host's complaint about an agent that chose silence", async () => {
    let tell;
    let listening = 0;
    shared().runtime = {
      events: {
        onAgentEvent: (listener) => {
          tell = listener;
          listening += 1;
          return () => {
            listening -= 1;
          };
        },
      },
    };
    const complaint = { text: "no response", isError: true };
    const ends = [
      { stopReason: "stop", terminalReply: { disposition: "silent" } },
      { stopReason: "error", terminalReply: { disposition: "silent" } },
    ];
    const host = fakeHost(async ({ replyOptions, dispatcherOptions: { deliver } }) => {
      const number = host.dispatched.length;
      replyOptions.onAgentRunStart(`run_${number}`);
      tell({ runId: "run_of_somebody_else", stream: "lifecycle", data: ends[0] });
      tell({ runId: `run_${number}`, stream: "lifecycle", data: ends[number - 1] });
      await deliver(complaint, { kind: "final" });
    });
    const delivered = [];
    const account = start({ channel: host.channel });
    addon.started[0].gateway.deliver = async (id, { text }) => delivered.push([id, text]);
    assert.deepEqual(await addon.started[0].host.runTurn({ ...TURN, id: "silent" }), { started: true });
    assert.deepEqual(await addon.started[0].host.runTurn({ ...TURN, id: "failed" }), { started: true });
    assert.deepEqual(delivered, [["failed", "no response"]]);
    assert.equal(listening, 0);
    await account.end();
  });

  it("has not started when the host kept the message for later", async () => {
    const account = start({ channel: fakeHost().channel });
    assert.deepEqual(await addon.started[0].host.runTurn(TURN), { started: false });
    await account.end();
  });

  it("turns an exception of the host into an outcome", async () => {
    const host = fakeHost(async ({ replyOptions }) => {
      replyOptions.onAgentRunStart("run_1");
      throw new Error("the host failed");
    });
    const account = start({ channel: host.channel });
    assert.deepEqual(await addon.started[0].host.runTurn(TURN), { started: true, error: "the host failed" });
    await account.end();
  });

  it("says what a host without an inbound path lacks", async () => {
    const account = start({ channel: {} });
    const { started, error } = await addon.started[0].host.runTurn(TURN);
    assert.equal(started, false);
    assert.match(error, /finalize or dispatch/);
    await account.end();
  });
});

describe("outbound", () => {
  const { sendText } = plugin.outbound;

  it("goes through the running account in the gateway process", async () => {
    const account = start();
    assert.deepEqual(await sendText({ cfg: CFG, to: "prll://cht_Ab1", text: "hi", threadId: "msg_0" }), {
      channel: "parall",
      messageId: "msg_gateway",
    });
    assert.deepEqual(addon.started[0].sent, [["cht_Ab1", "hi", "msg_0"]]);
    await account.end();
  });

  it("sends once from the configuration alone in another process", async () => {
    assert.deepEqual(await sendText({ cfg: CFG, to: "tsk_Ab1", text: "hi" }), { channel: "parall", messageId: "msg_once" });
    assert.equal(addon.started.length, 0);
    const [options, ...rest] = addon.sent[0];
    assert.equal(options.apiKey, "agk_secret");
    assert.deepEqual(rest, ["tsk_Ab1", "hi", null]);
  });

  it("says what is missing before anything is sent", async () => {
    const without = { channels: { parall: { parall_url: "https://parall.example" } } };
    await assert.rejects(sendText({ cfg: without, to: "cht_1", text: "hi" }), /api_key is missing/);
    await assert.rejects(sendText({ cfg: CFG, to: "cht_1", text: "hi", accountId: "work" }), /"work" is disabled or does not exist/);
    await assert.rejects(sendText({ cfg: CFG, to: "#general", text: "hi" }), /"#general" is no target/);
    assert.equal(addon.sent.length, 0);
  });
});

describe("targets", () => {
  const { normalizeTarget, targetResolver } = plugin.messaging;

  it("are chats and tasks, with or without a prefix, in their own case", () => {
    for (const written of ["cht_aB9", "prll://cht_aB9", "parall:cht_aB9", "PARALL:cht_aB9", " cht_aB9 ", "parall://cht_aB9"]) {
      assert.equal(normalizeTarget(written), "cht_aB9", written);
    }
    assert.equal(normalizeTarget("prll://tsk_Q"), "tsk_Q");
  });

  it("are nothing else", () => {
    for (const written of ["", "cht_", "CHT_1", "usr_1", "cht_1/../x", "cht_1 cht_2", "general", "https://cht_1", undefined, null, 7]) {
      assert.equal(normalizeTarget(written), undefined, String(written));
      assert.equal(targetResolver.looksLikeId(written), false, String(written));
    }
  });

  it("are checked before a message is written", () => {
    assert.deepEqual(plugin.outbound.resolveTarget({ to: "parall:cht_1" }), { ok: true, to: "cht_1" });
    const { ok, error } = plugin.outbound.resolveTarget({ to: "here" });
    assert.equal(ok, false);
    assert.match(error.message, /cht_\.\.\./);
  });
});

describe("status", () => {
  const { buildAccountSnapshot, collectStatusIssues, probeAccount } = plugin.status;

  it("never shows the key", () => {
    const cfg = { channels: { parall: { ...SECTION, parall_url: "https://name:word@parall.example/base" } } };
    const account = plugin.config.resolveAccount(cfg);
    const shown = JSON.stringify([
      buildAccountSnapshot({ account, cfg, runtime: { connected: true } }),
      plugin.config.describeAccount(account, cfg),
    ]);
    assert.doesNotMatch(shown, /agk_secret|name:word/);
    assert.match(shown, /"baseUrl":"https:\/\/parall\.example\/base"/);
    assert.match(shown, /"connected":true/);
  });

  it("passes on what the native part tells of queue and forks", () => {
    const runtime = { queueDepth: 3, forks: 1, deadLetters: 2, forksUnavailable: "the session has no completed turn yet", unknown: 1 };
    const { unknown, ...told } = runtime;
    const snapshot = buildAccountSnapshot({ account: plugin.config.resolveAccount(CFG), cfg: CFG, runtime });
    assert.deepEqual(Object.fromEntries(Object.keys(told).map((key) => [key, snapshot[key]])), told);
    assert.equal("unknown" in snapshot, false);
  });

  it("tells what is wrong and what to do", () => {
    const [unset, blocked, offline, dead, ...rest] = collectStatusIssues([
      { accountId: "default", configured: false },
      { accountId: "default", terminalDisconnect: true, lastError: "the key was revoked" },
      { accountId: "default", running: true, connected: false, lastError: "connection refused" },
      { accountId: "default", running: true, connected: true, deadLetters: 2 },
      { accountId: "default", running: true, connected: true, lastError: null, deadLetters: 0 },
      { accountId: "default", enabled: false, configured: false },
      { accountId: "default", terminalDisconnect: true, lastError: "known to the host", healthState: "blocked" },
    ]);
    assert.match(unset.fix, /channels\.parall\.parall_url/);
    assert.equal(blocked.message, "the key was revoked");
    assert.match(offline.message, /connection refused/);
    assert.match(dead.message, /2 messages/);
    assert.match(dead.fix, /openclaw parall queue list/);
    assert.equal(rest.length, 0);
  });

  it("probes with the account's settings, and never rejects", async () => {
    const account = plugin.config.resolveAccount(CFG);
    addon.probeAccount = async ({ orgId }) => ({ ok: true, orgId });
    assert.deepEqual(await probeAccount({ account, cfg: CFG, timeoutMs: 1000 }), { ok: true, orgId: "org_1" });
    addon.probeAccount = async () => {
      throw new Error("refused");
    };
    assert.deepEqual(await probeAccount({ account, cfg: CFG, timeoutMs: 1000 }), { ok: false, error: "refused" });
    addon.probeAccount = () => new Promise(() => {});
    assert.match((await probeAccount({ account, cfg: CFG, timeoutMs: 1 })).error, /no answer within 1 ms/);
    const empty = { channels: { parall: {} } };
    assert.match((await probeAccount({ account: plugin.config.resolveAccount(empty), cfg: empty, timeoutMs: 1 })).error, /api_key/);
  });
});

describe("channels add", () => {
  const { applyAccountConfig, validateInput } = plugin.setup;

  it("writes the options of newer and of older hosts, and keeps the rest", () => {
    const cfg = { channels: { other: {}, parall: { replies: "explicit" } } };
    const newer = applyAccountConfig({ cfg, input: { url: "https://p.example", apiKey: " agk_1 ", orgId: "org_1", wsUrl: "wss://w" } });
    assert.deepEqual(newer.channels, {
      other: {},
      parall: { replies: "explicit", enabled: true, parall_url: "https://p.example", api_key: "agk_1", org_id: "org_1", ws_url: "wss://w" },
    });
    assert.equal(applyAccountConfig({ cfg: {}, input: { token: "agk_2" } }).channels.parall.api_key, "agk_2");
    assert.deepEqual(applyAccountConfig({ cfg: {}, input: { useEnv: true } }).channels.parall, { enabled: true });
  });

  it("refuses to write nothing, or an address that is none", () => {
    assert.match(validateInput({ input: {} }), /--url/);
    assert.match(validateInput({ input: { url: "parall.example" } }), /https/);
    assert.equal(validateInput({ input: { useEnv: true } }), null);
    assert.equal(validateInput({ input: { url: "https://p.example" } }), null);
  });

  it("can be undone", () => {
    const off = plugin.config.setAccountEnabled({ cfg: CFG, enabled: false });
    assert.equal(off.channels.parall.enabled, false);
    assert.equal(off.channels.parall.api_key, "agk_secret");
    assert.deepEqual(plugin.config.deleteAccount({ cfg: CFG }).channels, {});
  });
});

function start({ cfg = CFG, channel } = {}) {
  const controller = new AbortController();
  const account = { logged: [], status: {}, abort: () => controller.abort() };
  account.ctx = { ...contextOf({ cfg, channel, account }), abortSignal: controller.signal };
  account.promise = startAccount(account.ctx);
  account.end = () => {
    controller.abort();
    return account.promise;
  };
  return account;
}

function contextOf({ cfg = CFG, channel = fakeHost().channel, account = { logged: [], status: {} } }) {
  const write = (level) => (message) => account.logged.push({ level, message });
  return {
    cfg,
    accountId: "default",
    account: plugin.config.resolveAccount(cfg),
    channelRuntime: channel,
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    getStatus: () => account.status,
    setStatus: (next) => {
      account.status = next;
    },
  };
}

/** A host whose dispatch does what `behaviour` says. */
function fakeHost(behaviour = async () => {}) {
  const host = { dispatched: [], recorded: [] };
  host.channel = {
    reply: {
      finalizeInboundContext: (context) => ({ ...context }),
      dispatchReplyWithBufferedBlockDispatcher: async (request) => {
        host.dispatched.push(request);
        await behaviour(request);
      },
    },
    session: {
      resolveStorePath: (store, { agentId }) => `${store ?? ""}/${agentId}`,
      recordInboundSession: async (record) => host.recorded.push(record),
    },
  };
  return host;
}

function fakeAddon() {
  const started = [];
  const sent = [];
  return {
    started,
    sent,
    sendText: async (...parameters) => {
      sent.push(parameters);
      return "msg_once";
    },
    startGateway: (options, host) => {
      const record = { options, host, closed: 0, sent: [] };
      record.gateway = {
        deliver: async () => {},
        sendText: async (...parameters) => {
          record.sent.push(parameters);
          return "msg_gateway";
        },
        close: async () => {
          record.closed += 1;
        },
      };
      started.push(record);
      return record.gateway;
    },
  };
}

/** Whether a promise is settled once everything that can run has run. */
async function settled(promise) {
  const pending = Symbol("pending");
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
