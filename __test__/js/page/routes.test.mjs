/** The routes of the page: who may ask, what comes back, and that nothing is done for nobody. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { shared } from "../../../src/shim/state.js";
import { deferred, echo, noForks, startAccount } from "../support.mjs";
import { pretendAccount, startPage, states, TOKEN } from "./page-server.mjs";

const GUARDED = ["/parall/state", "/parall/events", "/parall/metrics", "/parall/actions"];
const LIMIT = 60_000;

test("the routes are registered with the accounts only, and everything that shows or does something is the gateway's to guard", async (t) => {
  const { routes } = await startPage(t);
  const guarded = routes.filter(({ auth }) => auth === "gateway").map((route) => route.path);
  assert.deepEqual(guarded, GUARDED);
  for (const mode of ["setup-only", "cli-metadata", "discovery", "tool-discovery"]) {
    assert.deepEqual((await startPage(t, { mode })).routes, []);
  }
});

test("the page holds nothing and may load nothing from elsewhere", async (t) => {
  pretendAccount("default", { live: null, secretMark: "cht_secret" });
  const { url } = await startPage(t);
  const page = await fetch(`${url}/parall`);
  const html = await page.text();
  assert.equal(page.status, 200);
  assert.doesNotMatch(html, /cht_secret|style=|<script>|onclick/);
  const policy = page.headers.get("content-security-policy");
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) assert.ok(policy.includes(rule), policy);
  assert.doesNotMatch(policy, /unsafe|\*|data:/);
  for (const name of readdirSync(new URL("../../../assets/page", import.meta.url))) {
    const file = await fetch(`${url}/parall/assets/${name}`);
    assert.equal(file.status, 200, name);
    assert.equal(file.headers.get("x-content-type-options"), "nosniff");
    assert.doesNotMatch(await file.text(), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|localStorage/);
  }
  const moved = await fetch(`${url}/parall`, { method: "POST" });
  assert.deepEqual([moved.status, moved.headers.get("allow")], [405, "GET"]);
});

test("no file but the page's own is served", async (t) => {
  const { url } = await startPage(t);
  for (const name of ["package.json", "..%2f..%2fpackage.json", "%2e%2e/package.json", "constructor", "page.css/../nothing", ""]) {
    assert.equal((await fetch(`${url}/parall/assets/${name}`)).status, 404, name);
  }
});

test("a missing and a wrong token are refused everywhere", async (t) => {
  const account = pretendAccount("default", {});
  const { url } = await startPage(t);
  for (const route of GUARDED) {
    for (const headers of [{}, { Authorization: "Bearer wrong" }]) {
      const { status } = await fetch(`${url}${route}`, { method: route.endsWith("actions") ? "POST" : "GET", headers });
      assert.equal(status, 401, route);
    }
    assert.equal((await fetch(`${url}${route}?token=${TOKEN}`)).status, 401, route);
  }
  assert.equal(account.looks, 0);
});

test("what another site makes a browser ask for is refused", async (t) => {
  const account = pretendAccount("default", {});
  const { url, ask, act } = await startPage(t);
  const foreign = [
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Origin: url, "Sec-Fetch-Site": "cross-site" },
  ];
  for (const headers of foreign) {
    for (const route of ["/parall/state", "/parall/events", "/parall/metrics"])
      assert.equal((await ask(route, { headers })).status, 403, route);
    assert.equal((await act({ account: "default", action: "drop", id: "dsp_1" }, headers)).status, 403);
  }
  assert.deepEqual([account.looks, account.decided], [0, []]);
  for (const headers of [{ "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none" }, { Origin: url }, {}]) {
    assert.equal((await ask("/parall/state", { headers })).status, 200);
  }
  assert.equal((await ask("/parall/state")).headers.get("access-control-allow-origin"), null);
});

describe("a decision", () => {
  test("reaches the account it names, and no other", async (t) => {
    const [first, second] = [pretendAccount("default", {}), pretendAccount("work", {})];
    const { act } = await startPage(t);
    for (const action of ["retry", "drop", "stop"]) {
      const answer = await act({ account: "work", action, id: "dsp_1" });
      assert.deepEqual([answer.status, await answer.json()], [200, { done: action, id: "dsp_1" }]);
    }
    assert.deepEqual(first.decided, []);
    assert.deepEqual(second.decided, [
      ["retry", "dsp_1"],
      ["drop", "dsp_1"],
      ["stop", "dsp_1"],
    ]);
  });

  test("that cannot be taken says why", async (t) => {
    const reason = Object.assign(new Error("dsp_1 is adopted; only a dead letter can be dropped"), { code: "PARALL_JOURNAL_ORDER" });
    const account = pretendAccount("default", {}, async () => {
      throw reason;
    });
    const { ask, act } = await startPage(t);
    const refused = await act({ account: "default", action: "drop", id: "dsp_1" });
    assert.deepEqual([refused.status, await refused.json()], [409, { error: { code: reason.code, message: reason.message } }]);
    const request = { account: "default", action: "drop", id: "dsp_1" };
    for (const [change, status] of [
      [{ account: "nobody" }, 404],
      [{ account: { toString: "default" } }, 404],
      [{ action: "constructor" }, 400],
      [{ action: ["drop"] }, 400],
      [{ id: "" }, 400],
      [{ id: 1 }, 400],
      [{ id: "x".repeat(257) }, 400],
      [{ filler: "x".repeat(5000) }, 413],
    ]) {
      assert.equal((await act({ ...request, ...change })).status, status, JSON.stringify(change).slice(0, 80));
    }
    assert.equal((await act(request, { "Content-Type": "text/plain" })).status, 415);
    const bad = (body) => ask("/parall/actions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    for (const body of ["{", "[]", "null", "1"]) assert.equal((await bad(body)).status, 400);
    assert.equal((await ask("/parall/actions")).status, 405);
    assert.deepEqual(account.decided, [["drop", "dsp_1"]]);
  });
});

describe("the event stream", () => {
  test("tells of changes only, to everybody who looks, and costs nothing when nobody does", async (t) => {
    const account = pretendAccount("default", { queue: 1 });
    const { ask } = await startPage(t);
    const leave = new AbortController();
    const [one, two] = await Promise.all([1, 2].map(async () => states(await ask("/parall/events", { signal: leave.signal }))));
    const next = async (stream) => (await stream.next()).value.accounts[0].queue;
    assert.deepEqual([await next(one), await next(two)], [1, 1]);
    const before = account.looks;
    account.view = { queue: 2 };
    assert.deepEqual([await next(one), await next(two)], [2, 2]);
    // Two viewers, one look.
    assert.equal(account.looks, before + 1);
    leave.abort();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const after = account.looks;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal(account.looks, after);
  });

  test("ends with the last account, because a gateway that ends waits for its connections", async (t) => {
    pretendAccount("default", {});
    const { ask } = await startPage(t);
    const stream = states(await ask("/parall/events"));
    assert.equal((await stream.next()).value.accounts.length, 1);
    shared().accounts.clear();
    assert.deepEqual((await stream.next()).value.accounts, []);
    assert.equal((await stream.next()).done, true);
  });

  test("is refused to more viewers than it serves", async (t) => {
    pretendAccount("default", {});
    const { ask } = await startPage(t);
    const leave = new AbortController();
    const all = await Promise.all(Array.from({ length: 22 }, () => ask("/parall/events", { signal: leave.signal })));
    assert.deepEqual(
      all.map(({ status }) => status).filter((status) => status !== 200),
      [503, 503],
    );
    leave.abort();
  });

  test("shows why an account cannot be read", async (t) => {
    pretendAccount("default", {});
    shared().accounts.get("default").gateway.view = async () => {
      throw new Error("the disk is full");
    };
    const { ask } = await startPage(t);
    assert.deepEqual((await (await ask("/parall/state")).json()).accounts, [{ accountId: "default", error: "the disk is full" }]);
  });
});

describe("a running account", () => {
  async function stage(t, setup = {}) {
    const folder = await mkdtemp(path.join(tmpdir(), "parall-page-"));
    t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const account = await startAccount(t, { ...setup, options: { stateDir: folder, collectEvents: 20 } });
    const page = await startPage(t);
    shared().accounts.set("default", { gateway: account.gateway });
    const view = async () => (await (await page.ask("/parall/state")).json()).accounts[0];
    return { ...account, ...page, view };
  }

  test("shows its turn, and a stop ends it for good until somebody retries it", async (t) => {
    const called = deferred();
    const calledOff = [];
    let answers = false;
    const runTurn = async (turn, gateway) => {
      if (answers) return echo(turn, gateway);
      called.resolve(turn.id);
      while (!calledOff.includes(turn.id)) await new Promise((resolve) => setTimeout(resolve, 10));
      return { started: true, error: "the turn was called off", isCalledOff: true };
    };
    const { parall, seed, until, view, act, turns } = await stage(t, {
      runTurn,
      forks: { ...noForks, callOff: (id) => calledOff.push(id) },
    });
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "A very private question" });
    await called.promise;
    const { id } = parall.snapshot().dispatches.find((one) => one.source_id === asked.id);
    const before = await view();
    assert.equal(before.lanes.length, 1);
    assert.deepEqual(
      before.lanes[0].events.map((event) => [event.id, event.target, event.senderId]),
      [[id, seed.direct.ada, "usr_ada"]],
    );
    assert.equal(before.live.status.connected, true);
    assert.doesNotMatch(JSON.stringify(before), /very private|key_agent/);
    assert.equal((await act({ account: "default", action: "stop", id: "dsp_nowhere" })).status, 409);
    assert.equal((await act({ account: "default", action: "stop", id })).status, 200);
    await until((status) => status.deadLetters === 1, LIMIT);
    const after = await view();
    assert.deepEqual([after.lanes, after.deadLetters.items[0].cause], [[], "stopped by an operator"]);
    assert.equal(turns.length, 1);
    answers = true;
    assert.equal((await act({ account: "default", action: "retry", id })).status, 200);
    await parall.waitForMessage((message) => message.content.text === "echo: A very private question", LIMIT);
    assert.equal((await act({ account: "default", action: "drop", id })).status, 409);
  });

  test("ends a turn of several messages for all of them", async (t) => {
    const calledOff = [];
    const runTurn = async (turn) => {
      while (!calledOff.includes(turn.id)) await new Promise((resolve) => setTimeout(resolve, 10));
      return { started: true, error: "the turn was called off", isCalledOff: true };
    };
    const { parall, seed, until, view, act, turns } = await stage(t, {
      runTurn,
      forks: { ...noForks, callOff: (id) => calledOff.push(id) },
    });
    const stop = async (id) => assert.equal((await act({ account: "default", action: "stop", id })).status, 200);
    for (const text of ["one", "two", "three"]) parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
    await until((now) => now.queueDepth + now.activeRuns === 3 && now.activeRuns === 1);
    await stop((await view()).lanes[0].events[0].id);
    await until((now) => now.deadLetters === 1 && now.activeRuns === 1 && now.queueDepth === 0, LIMIT);
    const [{ events }] = (await view()).lanes;
    assert.equal(events.length, 2);
    await stop(events[1].id);
    await until((now) => now.deadLetters === 3 && now.activeRuns === 0, LIMIT);
    assert.equal(turns.length, 2);
    const { deadLetters, lanes } = await view();
    assert.deepEqual([lanes, deadLetters.items.map(({ cause }) => cause)], [[], Array(3).fill("stopped by an operator")]);
  });

  test("has metrics that Prometheus reads", async (t) => {
    const { parall, seed, ask } = await stage(t);
    parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
    await parall.waitForMessage((message) => message.content.text === "echo: Hello", LIMIT);
    const answer = await ask("/parall/metrics");
    const text = await answer.text();
    assert.match(answer.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^parall_connected\{account="default"\} 1$/m);
    assert.match(text, /^parall_turns_total\{account="default"\} 1$/m);
    assert.match(text, /^parall_waiting_seconds_bucket\{account="default",le="\+Inf"\} 1$/m);
    for (const line of text.trim().split("\n")) assert.match(line, /^(# (HELP|TYPE) parall_\w+ .+|parall_\w+\{[^}]*\} -?[\d.]+)$/);
  });
});
