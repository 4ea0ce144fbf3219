/** A running account with its journal: what a kill, a second gateway or a poisonous message may not change. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Account, ECHO_HOST } from "../../crash/processes.mjs";
import { LocalParall } from "../../server/server.js";
import { deferred, open } from "../support.mjs";

const LIMIT = 30_000;

/** A server in this process and accounts in processes of their own, which share a state folder. */
async function stage(t, server) {
  const folder = await mkdtemp(join(tmpdir(), "parall-journal-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const parall = await LocalParall.start(server);
  t.after(() => parall.close());
  const seed = parall.seed();
  const logs = [];
  const start = () => {
    const account = new Account({ url: parall.url, folder }, (line) => logs.push(line), ECHO_HOST);
    t.after(() => account.kill());
    return account;
  };
  return { folder, parall, seed, start, logs };
}

const answers = (parall, chat) =>
  parall
    .messages(chat)
    .filter((message) => message.sender_id === "usr_agent")
    .map((message) => message.content.text);
const dispatchOf = (parall, sourceId) => parall.snapshot().dispatches.find((dispatch) => dispatch.source_id === sourceId);
const acknowledged = (parall, sourceId, times = 1) =>
  parall.waitFor(() => dispatchOf(parall, sourceId)?.acknowledged_count >= times || undefined, LIMIT, `the acknowledgement of ${sourceId}`);
const requested = (parall, route) =>
  parall.waitFor(() => parall.snapshot().requests.find((request) => request.route === route), LIMIT, `a request to ${route}`);

for (const [what, fault] of [
  ["reached the server", "http.response_withheld"],
  ["never reached the server", "http.never_answer"],
])
  test(`an answer that ${what} when the process was killed is there once, without a second turn`, async (t) => {
    const { parall, seed, start } = await stage(t);
    parall.fault(fault, { route: "messages.post", times: 1 });
    const first = start();
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
    await requested(parall, "messages.post");
    await first.kill();
    const second = start();
    await acknowledged(parall, asked.id);
    assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
    assert.deepEqual([first.turns, second.turns], [["Hello"], []]);
  });

for (const [what, fault] of [
  ["reached the server", "http.response_withheld"],
  ["never reached the server", "http.never_answer"],
])
  test(`a comment that ${what} when the process was killed is there once, without a second turn`, async (t) => {
    const { parall, start } = await stage(t);
    parall.fault(fault, { route: "comments.create", times: 1 });
    const first = start();
    const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Report" });
    await requested(parall, "comments.create");
    await first.kill();
    const second = start();
    await acknowledged(parall, task.id);
    assert.deepEqual(
      parall.snapshot().comments.map((comment) => comment.body),
      ["echo: Report"],
    );
    assert.deepEqual(second.turns, []);
  });

test("a comment in the same words that is older or somebody else's is not taken for the answer", async (t) => {
  const { parall, start } = await stage(t);
  const task = parall.assignTask({ from: "usr_ada", to: "usr_ben", title: "Report" });
  parall.comment({ from: "usr_agent", task: task.id, text: "echo: Report" });
  // The server counts in milliseconds: what follows is later.
  await sleep(2);
  parall.fault("http.never_answer", { route: "comments.create", times: 1 });
  const first = start();
  parall.changeTask({ from: "usr_ada", task: task.id, assignee_id: "usr_agent" });
  await requested(parall, "comments.create");
  await first.kill();
  parall.comment({ from: "usr_ben", task: task.id, text: "echo: Report" });
  const second = start();
  await acknowledged(parall, task.id);
  assert.deepEqual(
    parall.snapshot().comments.map((comment) => [comment.author_id, comment.body]),
    ["usr_agent", "usr_ben", "usr_agent"].map((author) => [author, "echo: Report"]),
  );
  assert.deepEqual(second.turns, []);
});

test("a comment that repeats the one before it is written although the process was killed between them", async (t) => {
  const { parall, start } = await stage(t);
  parall.fault("http.never_answer", { route: "comments.create", after: 1, times: 1 });
  const first = start();
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "twice" });
  await parall.waitFor(() => parall.faults.list().length === 0 || undefined, LIMIT, "the second comment on its way");
  await first.kill();
  const second = start();
  await acknowledged(parall, task.id);
  assert.deepEqual(
    parall.snapshot().comments.map((comment) => comment.body),
    ["echo: twice", "echo: twice"],
  );
  assert.deepEqual(second.turns, []);
});

test("an answer whose acknowledgement never arrived is acknowledged after the kill, without a second turn", async (t) => {
  const { parall, seed, start } = await stage(t);
  parall.fault("http.never_answer", { route: "dispatch.ack", times: 1 });
  const first = start();
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await requested(parall, "dispatch.ack");
  await first.kill();
  assert.equal(dispatchOf(parall, asked.id).acknowledged_count, 0);
  const second = start();
  await acknowledged(parall, asked.id);
  assert.deepEqual(second.turns, []);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
});

test("what was acknowledged is acknowledged again but never run again, in this life and the next", async (t) => {
  const { parall, seed, start } = await stage(t);
  const first = start();
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await acknowledged(parall, asked.id);
  const forget = () => {
    const dispatch = parall.store.dispatches.get(dispatchOf(parall, asked.id).id);
    parall.world.openDispatches("usr_agent").set(dispatch.id, Object.assign(dispatch, { status: "pending" }));
  };
  forget();
  parall.pushOpenDispatches("usr_agent");
  await acknowledged(parall, asked.id, 2);
  await first.close();
  forget();
  const second = start();
  await acknowledged(parall, asked.id, 3);
  assert.deepEqual([first.turns, second.turns], [["Hello"], []]);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
});

test("a message that kills the process five times becomes a dead letter, and what ran beside it is answered", async (t) => {
  const { parall, seed, start, logs } = await stage(t);
  const poison = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "die slowly" });
  const others = [
    parall.say({ from: "usr_ben", chat: seed.direct.ben, text: "slow beside it" }),
    parall.say({ from: "usr_ben", chat: seed.group, text: "slow in a group", mentions: ["usr_agent"] }),
    parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "after it" }),
  ];
  const processes = [];
  let over = false;
  t.after(() => {
    over = true;
  });
  const startNext = () => {
    if (over) return;
    processes.push(start());
    processes.at(-1).once("exit", startNext);
  };
  startNext();
  for (const other of others) await acknowledged(parall, other.id);
  const survivor = processes.at(-1);
  await survivor.until(() => survivor.status.deadLetters === 1, "the dead letter");
  const turns = processes.map((process) => process.turns);
  assert.ok(turns[0].includes("slow beside it"), "nothing ran beside it");
  assert.equal(turns.filter((texts) => texts.includes("die slowly")).length, 5);
  assert.equal(dispatchOf(parall, poison.id).acknowledged_count, 0);
  assert.ok(logs.some((line) => line.includes(`${dispatchOf(parall, poison.id).id} could not be answered: tried 5 times`)));
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: after it"]);
});

test("a second gateway of an account waits, says who serves it, and takes over when that one is killed", async (t) => {
  const { folder, parall, seed, start } = await stage(t);
  const first = start();
  await first.until(() => first.status.connected, "the connection");
  const second = open(t, parall.url, { options: { stateDir: folder } });
  const waiting = await second.until((status) => status.lastError);
  assert.match(waiting.lastError, new RegExp(`process ${first.pid}\\b`));
  assert.equal(waiting.connected, false);
  const before = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "To the first" });
  await acknowledged(parall, before.id);
  const left = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "hang" });
  await first.until(() => first.turns.includes("hang"), "the turn");
  assert.deepEqual(second.turns, []);
  await first.kill();
  await acknowledged(parall, left.id);
  const status = await second.until((now) => now.connected);
  assert.equal(status.lastError, null);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: To the first", "echo: hang"]);
});

test("a stop starts no further turn, not even behind an answer that was finished", async (t) => {
  const { folder, parall, seed } = await stage(t);
  const said = deferred();
  const runTurn = async (turn, gateway) => {
    await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
    said.resolve();
    return new Promise(() => {});
  };
  const first = open(t, parall.url, { runTurn, options: { stateDir: folder } });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "one" });
  const waits = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "two" });
  await said.promise;
  await first.until((status) => status.queueDepth === 1);
  await first.gateway.close();
  assert.equal(first.turns.length, 1);
  const second = open(t, parall.url, { options: { stateDir: folder } });
  await acknowledged(parall, asked.id);
  await acknowledged(parall, waits.id);
  assert.deepEqual(
    second.turns.map((turn) => turn.rawText),
    ["two"],
  );
});

/** Forks that are only names. */
function namedForks() {
  const keys = new Set();
  const { promise: removed, resolve } = deferred();
  return {
    removed,
    createFork: async (parent) => {
      const sessionKey = `${parent}:fork:${keys.size}`;
      keys.add(sessionKey);
      return { sessionKey, sessionId: sessionKey };
    },
    removeFork: async ({ sessionKey }) => {
      keys.delete(sessionKey);
      resolve();
    },
    leftoverForks: async () => [...keys].map((sessionKey) => ({ sessionKey, sessionId: sessionKey })),
  };
}

for (const restart of [false, true])
  test(`what a fork answered is reported to main's next turn, once${restart ? ", also after a restart" : ""}`, async (t) => {
    const { folder, parall, seed } = await stage(t);
    const forks = namedForks();
    const busy = deferred();
    const runTurn = async (turn, gateway) => {
      if (turn.rawText === "slow") await busy.promise;
      await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
      return { started: true };
    };
    const start = () => open(t, parall.url, { runTurn, forks, options: { stateDir: folder } });
    let account = start();
    await account.until((status) => status.connected);
    parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "slow" });
    await account.until((status) => status.busy);
    const aside = parall.say({ from: "usr_ben", chat: seed.direct.ben, text: "quick question" });
    await acknowledged(parall, aside.id);
    await forks.removed;
    if (restart) {
      await account.gateway.close();
      account = start();
    }
    busy.resolve();
    for (const text of ["one", "two"]) {
      const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
      await acknowledged(parall, asked.id);
    }
    const main = account.turns.filter((turn) => !turn.sessionKey.includes(":fork:"));
    const reports = main.filter((turn) => turn.text.includes("quick question"));
    assert.equal(reports.length, 1);
    assert.equal(reports[0], main[restart ? 0 : 1]);
    assert.match(
      reports[0].text,
      /^\[Answered meanwhile: 1 .*\]\n\[Chat: cht_Ben .*\]\n\[From: Ben Okafor\]\n.*quick question\n.*\n.*echo: quick question\n/,
    );
  });

test("what was reported to main is not reported again when a stop comes between its answer and the server", async (t) => {
  const { folder, parall, seed } = await stage(t);
  const forks = namedForks();
  const busy = deferred();
  const runTurn = async (turn, gateway) => {
    if (turn.rawText === "slow") await busy.promise;
    await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
    return { started: true };
  };
  const first = open(t, parall.url, { runTurn, forks, options: { stateDir: folder } });
  await first.until((status) => status.connected);
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "slow" });
  await first.until((status) => status.busy);
  const aside = parall.say({ from: "usr_ben", chat: seed.direct.ben, text: "quick question" });
  await acknowledged(parall, aside.id);
  await forks.removed;
  parall.fault("http.never_answer", { route: "messages.post", after: 1, times: 1 });
  busy.resolve();
  const answered = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "one" });
  await parall.waitFor(() => parall.faults.list().length === 0 || undefined, LIMIT, "the answer on its way");
  await first.gateway.close();
  const second = open(t, parall.url, { runTurn, forks, options: { stateDir: folder } });
  await acknowledged(parall, answered.id);
  const next = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "two" });
  await acknowledged(parall, next.id);
  assert.match(first.turns.find((turn) => turn.rawText === "one").text, /quick question/);
  assert.deepEqual(
    second.turns.map((turn) => turn.rawText),
    ["two"],
  );
  assert.doesNotMatch(second.turns[0].text, /quick question/);
});
