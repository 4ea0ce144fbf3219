/** The shim between a host and the native part, both of which are stand-ins here; the real ones meet in `__test__/hosts`. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { configPlace } from "../../../src/shim/channel/config-place.js";
import { startAccount, stopAccount } from "../../../src/shim/gateway/lifecycle.js";
import { plugin } from "../../../src/shim/plugin.js";
import { shared } from "../../../src/shim/state.js";
import { addon, CFG, contextOf, SECTION, settled, start, useStandIns } from "./stand-ins.mjs";

useStandIns();

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

  it("fails with the reason when the native part cannot continue, so that the host starts it again", async () => {
    const account = start();
    addon.started[0].fail("a fault of the plugin itself");
    await assert.rejects(account.promise, { message: "a fault of the plugin itself" });
    assert.equal(addon.started[0].closed, 1);
    assert.equal(shared().accounts.size, 0);
    const again = start();
    assert.equal(addon.started.length, 2);
    await again.end();
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

  it("passes on what is written about access, whatever it is", async () => {
    const written = { dmPolicy: 7, allowFrom: "usr_1", groupPolicy: "open", groupAllowFrom: [null], groups: [], access: { chats: 1 } };
    await start({ cfg: { channels: { parall: { ...SECTION, ...written } } } }).end();
    assert.deepEqual(addon.started[0].options.accessSettings, written);
  });

  it("sends a file from the folders that the host names for a command, and from its usual ones for an agent", async () => {
    const usual = join(tmpdir(), "openclaw");
    const access = { mediaLocalRoots: [usual, "/etc"], mediaAccess: { workspaceDir: "/w" } };
    const request = { cfg: CFG, to: "cht_1", text: "see", mediaUrl: "/etc/a.png", ...access };
    const content = { text: "see", media: ["/etc/a.png"], folders: ["/w", usual, "/etc"] };
    assert.deepEqual(await plugin.outbound.sendMedia(request), { channel: "parall", messageId: "msg_once" });
    assert.deepEqual(addon.sent[0].slice(1), ["cht_1", content, null]);
    const account = start();
    await plugin.outbound.sendMedia({ ...request, threadId: "msg_0" });
    assert.deepEqual(addon.started[0].sent, [["cht_1", { ...content, folders: ["/w", usual] }, "msg_0", undefined]]);
    await account.end();
  });

  it("says that nothing was sent when a file cannot be, in words after which hosts do not try again", async () => {
    addon.sendMedia = async () => {
      throw Object.assign(new Error("nothing was sent, because a.png could not be: it is empty"), { code: "PARALL_FILE" });
    };
    await assert.rejects(plugin.outbound.sendMedia({ cfg: CFG, to: "cht_1", text: "see", mediaUrl: "/a.png" }), (error) => {
      assert.match(error.message, /nothing was sent, because a\.png could not be: it is empty/);
      assert.match(error.message, /recipient is not a valid/);
      return true;
    });
  });

  it("tells the host that an account is no longer blocked", async () => {
    const account = start();
    const { status } = addon.started[0].host;
    status('{"connected":false,"blocked":"the folder is read-only","lastError":"the folder is read-only"}');
    status('{"connected":false,"blocked":null,"lastError":null}');
    const shown = () => [account.status.lifecycle, account.status.terminalDisconnect, account.status.lastError];
    assert.deepEqual(shown(), ["starting", undefined, null]);
    status('{"connected":true,"blocked":null,"lastError":null}');
    assert.deepEqual(shown(), ["ready", undefined, null]);
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

describe("outbound", () => {
  const { sendText } = plugin.outbound;

  it("goes through the running account in the gateway process", async () => {
    const account = start();
    assert.deepEqual(await sendText({ cfg: CFG, to: "prll://cht_Ab1", text: "hi", threadId: "msg_0" }), {
      channel: "parall",
      messageId: "msg_gateway",
    });
    assert.deepEqual(addon.started[0].sent, [["cht_Ab1", "hi", "msg_0", undefined]]);
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
    const { unknown, ...known } = runtime;
    const snapshot = buildAccountSnapshot({ account: plugin.config.resolveAccount(CFG), cfg: CFG, runtime });
    assert.deepEqual(Object.fromEntries(Object.keys(known).map((key) => [key, snapshot[key]])), known);
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
      { accountId: "default", running: true, connected: false, terminalDisconnect: true, lastError: "known", healthState: "blocked" },
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

  it("changes one account and leaves the others as they are", () => {
    const { setAccountEnabled, deleteAccount } = plugin.config;
    const section = { ...SECTION, accounts: { work: { api_key: "agk_2" }, home: { api_key: "agk_3" } } };
    const cfg = { channels: { parall: section } };
    const of = (changed) => changed.channels.parall;
    const off = of(setAccountEnabled({ cfg, accountId: "work", enabled: false }));
    assert.deepEqual(off, { ...section, accounts: { ...section.accounts, work: { api_key: "agk_2", enabled: false } } });
    const { enabled, accounts } = of(setAccountEnabled({ cfg, accountId: "default", enabled: false }));
    assert.deepEqual([enabled, accounts], [undefined, { ...section.accounts, default: { enabled: false } }]);
    const { home } = section.accounts;
    assert.deepEqual(of(deleteAccount({ cfg, accountId: "work" })), { ...section, accounts: { home } });
    const { api_key: _key, ...rest } = SECTION;
    assert.deepEqual(of(deleteAccount({ cfg, accountId: "default" })), { ...rest, accounts: section.accounts });
    const alone = { channels: { parall: { ...SECTION, accounts: { work: { api_key: "agk_2" } } } } };
    assert.deepEqual(of(deleteAccount({ cfg: alone, accountId: "work" })), SECTION);
    const added = of(plugin.setup.applyAccountConfig({ cfg: CFG, accountId: "new", input: { token: "agk_4" } }));
    assert.deepEqual(added, { ...SECTION, accounts: { new: { enabled: true, api_key: "agk_4" } } });
  });

  it("starts two accounts side by side, each with its own key, and only the default one's server sets models", async () => {
    shared().runtime = { state: { resolveStateDir: () => "/state" } };
    const cfg = { channels: { parall: { ...SECTION, accounts: { work: { api_key: "agk_2" } } } } };
    assert.deepEqual(plugin.config.listAccountIds(cfg), ["default", "work"]);
    const accounts = ["default", "work"].map((accountId) => {
      const controller = new AbortController();
      const ctx = { ...contextOf({ cfg }), accountId, abortSignal: controller.signal };
      return { promise: startAccount(ctx), controller };
    });
    const options = addon.started.map((one) => one.options);
    assert.deepEqual(
      options.map(({ accountId, apiKey, stateDir }) => [accountId, apiKey, stateDir]),
      [
        ["default", "agk_secret", "/state"],
        ["work", "agk_2", "/state"],
      ],
    );
    assert.deepEqual(
      options.map(({ configPath }) => configPath !== undefined),
      [true, false],
    );
    await plugin.outbound.sendText({ cfg, to: "cht_1", text: "hi", accountId: "work" });
    assert.deepEqual(
      addon.started.map(({ sent }) => sent.length),
      [0, 1],
    );
    for (const { controller } of accounts) controller.abort();
    await Promise.all(accounts.map(({ promise }) => promise));
    assert.equal(shared().accounts.size, 0);
  });
});
