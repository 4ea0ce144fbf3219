/** What an operator asks of an account at a terminal: status, trace, restart, each also for programs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeState } from "../../../src/shim/commands/status.js";
import { describeTrace } from "../../../src/shim/commands/trace.js";
import { shared } from "../../../src/shim/state.js";
import { pretendAccount, startPage, TOKEN } from "../page/page-server.mjs";
import { deferred, echo, startAccount } from "../support.mjs";
import { command, commandWith, stateFolder } from "./host-program.mjs";

const LIMIT = 60_000;
/** A port at which nobody listens. */
const NOWHERE = { gateway: { port: 1 } };
const JSON_OPTION = { json: true };

/** A running account, and the configuration with which a command finds the gateway that it runs in. */
async function stage(t, setup = {}) {
  const stateDir = await stateFolder(t);
  const account = await startAccount(t, { ...setup, options: { stateDir } });
  const { url } = await startPage(t);
  shared().accounts.set("default", { gateway: account.gateway });
  const config = { gateway: { port: Number(new URL(url).port), auth: { mode: "token", token: TOKEN } } };
  return { ...account, config };
}

const dispatchOf = (parall, { id }) => parall.snapshot().dispatches.find((one) => one.source_id === id);
const acknowledged = (parall, asked) =>
  parall.waitFor(() => dispatchOf(parall, asked).acknowledged_count > 0 || undefined, LIMIT, "the acknowledgement");

describe("status", () => {
  async function held(t) {
    const [begun, release] = [deferred(), deferred()];
    const runTurn = async (turn, gateway) => {
      begun.resolve();
      await release.promise;
      return echo(turn, gateway);
    };
    const account = await stage(t, { runTurn });
    const asked = account.parall.say({ from: "usr_ada", chat: account.seed.direct.ada, text: "A private question" });
    await begun.promise;
    t.after(release.resolve);
    return { ...account, id: dispatchOf(account.parall, asked).id };
  }

  test("is what the running gateway knows", async (t) => {
    const { config, id } = await held(t);
    const { text, failed } = await commandWith(t, config, "status");
    assert.equal(failed, false);
    assert.match(text, /^default: connected as usr_agent$/m);
    assert.match(text, /^0 waiting, 1 running, 0 finishing, 0 dead, the oldest came \d+ s ago$/m);
    assert.match(text, new RegExp(`^main +\\d+ s +${id} +1 +cht_Ada +usr_ada$`, "m"));
    assert.doesNotMatch(text, /private|From the journal/);
    const { accounts } = JSON.parse((await commandWith(t, config, "status", JSON_OPTION)).text);
    assert.deepEqual([accounts[0].live.status.connected, accounts[0].lanes[0].events[0].id], [true, id]);
  });

  test("is what the journal knows where no gateway answers, or none that knows the token, and says so", async (t) => {
    const { config, id } = await held(t);
    const stranger = { gateway: { ...config.gateway, auth: { token: "wrong" } } };
    for (const [cfg, reason] of [
      [NOWHERE, /no gateway answers at http:\/\/127\.0\.0\.1:1 /],
      [stranger, /does not know the token/],
      [{ gateway: { mode: "remote" } }, /on another machine/],
    ]) {
      const { text, failed } = await commandWith(t, cfg, "status");
      assert.equal(failed, false);
      assert.match(text, /^From the journal, because /);
      assert.match(text, reason);
      assert.match(text, /^default: not known whether it is connected$/m);
      assert.match(text, new RegExp(`^main +\\d+ s +${id} `, "m"));
      const { accounts, unreached } = JSON.parse((await commandWith(t, cfg, "status", JSON_OPTION)).text);
      assert.match(unreached, reason);
      assert.deepEqual([accounts[0].live, accounts[0].lanes.length], [null, 1]);
    }
  });

  test("shows what others wrote on one line, and no control characters", () => {
    const hostile = "\u001b[31mred\nline\u202e";
    const live = { agentId: hostile, status: { connected: true }, problems: [hostile], activity: { turns: 1, failed: 0 }, agentTurns: 8 };
    const entry = { id: hostile, attempts: 1, target: hostile, senderId: hostile };
    const account = {
      accountId: hostile,
      live,
      lanes: [{ isFork: true, since: 0, events: [entry, entry] }],
      queue: { waiting: 0, running: 2, finishing: 0, dead: 1, oldestPendingAt: 0 },
      deadLetters: { items: [entry], more: 0 },
      forks: { items: [], more: 0 },
      loops: { agents: [{ id: hostile, turns: 3, freesAt: 60_000 }], chats: [] },
    };
    const lines = describeState({ accounts: [account, { accountId: "b", error: hostile }], unreached: hostile }, 0);
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    assert.match(lines.join("\n"), /^ \[31mred line +3 of 8 +1 min$/m);
  });
});

describe("trace", () => {
  test("is the life of an event with its times, whatever it is named by", async (t) => {
    let attempts = 0;
    const runTurn = async (turn, gateway) => {
      attempts += 1;
      return attempts === 1 ? { started: false, error: "the model is gone" } : echo(turn, gateway);
    };
    const { parall, seed } = await stage(t, { runTurn });
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
    await acknowledged(parall, asked);
    const { id } = dispatchOf(parall, asked);
    const { text, failed } = await command(t, "trace", id);
    assert.equal(failed, false);
    assert.match(text, new RegExp(`^${id}: message ${asked.id} from usr_ada in cht_Ada by inbox$`, "m"));
    assert.match(text, /failed +the model is gone$/m);
    assert.match(text, /part delivered +msg_\w+ in cht_Ada$/m);
    assert.doesNotMatch(text, /Hello|echo/);
    const { events } = JSON.parse((await command(t, "trace", asked.id, JSON_OPTION)).text);
    const [{ steps, parts, attempts: counted }] = events;
    const notLoaded = steps.filter(({ step }) => step !== "loaded");
    assert.deepEqual(
      notLoaded.map(({ step }) => step),
      ["came", "adopted", "failed", "adopted", "answered", "acknowledged"],
    );
    assert.equal(steps.length, notLoaded.length + 1);
    assert.ok(steps.every(({ at }, place) => place === 0 || at >= steps[place - 1].at));
    assert.match(steps.find(({ step }) => step === "adopted").detail, /^agent:main:parall:default/);
    assert.deepEqual([events.length, counted, parts.map(({ state }) => state)], [1, 2, ["delivered"]]);
  });

  test("of a decision is noted, too", async (t) => {
    const { parall, seed, until } = await stage(t);
    parall.fault("http.error", { route: "messages.post", status: 403 });
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
    await until((status) => status.deadLetters === 1, LIMIT);
    parall.clearFaults();
    const { id } = dispatchOf(parall, asked);
    await command(t, "queue", "drop", id);
    await acknowledged(parall, asked);
    const { text } = await command(t, "trace", id);
    assert.match(text, /given up +cannot deliver to cht_Ada.*403/);
    assert.match(text, /needs no answer +discarded by an operator$/m);
    assert.match(text, /acknowledged/);
  });

  test("of what the journal does not know, or of no id, fails", async (t) => {
    await stage(t);
    for (const [id, code] of [
      ["dsp_nowhere", "PARALL_JOURNAL_UNKNOWN"],
      ["cht_Ada", "PARALL_TRACE_ID"],
      ["msg_' OR 1=1", "PARALL_TRACE_ID"],
    ]) {
      const plain = await command(t, "trace", id);
      assert.deepEqual([plain.failed, plain.text.includes(`(${code})`)], [true, true], plain.text);
      const machine = await command(t, "trace", id, JSON_OPTION);
      assert.deepEqual([machine.failed, JSON.parse(machine.text).error.code], [true, code]);
    }
  });

  test("shows what others wrote on one line", () => {
    const event = { id: "dsp_1", origin: "inbox", sourceType: "\u001b[2J", sourceId: "a\nb", steps: [{ at: 0, step: "came" }], parts: [] };
    event.steps.push({ at: 1500, step: "failed", detail: "\u202e\nforged" });
    const lines = describeTrace([event]);
    assert.equal(lines.length, 4);
    for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
    assert.match(lines[3], /^1970-01-01T00:00:01\.500Z +\+1\.500 s +failed +forged$/);
  });
});

describe("restart", () => {
  test("reaches the account of the running gateway", async (t) => {
    await stateFolder(t);
    const account = pretendAccount("default", {});
    const { url } = await startPage(t);
    const config = { gateway: { port: Number(new URL(url).port), auth: { token: TOKEN } } };
    assert.match((await commandWith(t, config, "restart", {})).text, /^default starts anew/);
    assert.deepEqual(account.decided, [["restart", "default"]]);
    const other = await commandWith(t, config, "restart", { account: "nobody", ...JSON_OPTION });
    assert.deepEqual([other.failed, JSON.parse(other.text).error.code], [true, "PARALL_ACCOUNT"]);
  });

  test("without a gateway fails and says so", async (t) => {
    const { text, failed } = await commandWith(t, NOWHERE, "restart");
    assert.equal(failed, true);
    assert.match(text, /^error: no gateway answers at .*; start it, .*\(PARALL_GATEWAY\)$/);
  });
});

test("every command is one JSON object for programs, when it fails, too", async (t) => {
  const all = [
    ["status"],
    ["trace", "dsp_1"],
    ["restart"],
    ["forks"],
    ["queue", "list"],
    ["queue", "retry", "dsp_1"],
    ["queue", "drop", "dsp_1"],
    ["config", "diff"],
  ];
  await stateFolder(t);
  for (const words of all) {
    const { text, failed } = await commandWith(t, NOWHERE, ...words, JSON_OPTION);
    assert.equal(failed, true, words.join(" "));
    assert.match(JSON.parse(text).error.code, /^PARALL_/);
  }
  await stage(t);
  for (const words of [["status"], ["forks"], ["queue", "list"]]) {
    const { text, failed } = await commandWith(t, NOWHERE, ...words, JSON_OPTION);
    assert.equal(failed, false, words.join(" "));
    assert.equal(typeof JSON.parse(text), "object");
  }
});
