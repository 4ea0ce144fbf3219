/** A running account: events in, answers out, over real sockets to the local Parall server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, native, open, startAccount } from "../support.mjs";

const LIMIT = 20_000;
const answers = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id === "usr_agent");
const dispatchOf = (parall, sourceId) => parall.snapshot().dispatches.find((dispatch) => dispatch.source_id === sourceId);
const acknowledged = (parall, sourceId) =>
  parall.waitFor(() => dispatchOf(parall, sourceId)?.acknowledged_count > 0 || undefined, LIMIT, `the acknowledgement of ${sourceId}`);
const answerTo = (parall, text) =>
  parall.waitForMessage((message) => message.sender_id === "usr_agent" && message.content.text === text, LIMIT);

test("a direct message is marked as received, answered, and acknowledged last", async (t) => {
  const { parall, seed, turns } = await startAccount(t);
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await answerTo(parall, "echo: Hello");
  await acknowledged(parall, asked.id);
  assert.equal(turns.length, 1);
  assert.equal(turns[0].sessionKey, "agent:main:parall:default-usr_agent");
  assert.match(turns[0].text, /^\[Event: message\.new\]\n\[Chat: cht_Ada \(direct\)\]\n\[From: usr_ada \(human\) Ada Weber\]\n/);
  const requested = () => parall.snapshot().requests.map((request) => request.path ?? request.url);
  // Nothing waits for this one.
  await parall.waitFor(() => requested().some((path) => /\/dispatch\/received/.test(path)) || undefined, 10_000, "the mark");
  const paths = requested();
  const position = (pattern) => paths.findIndex((path) => pattern.test(path));
  assert.ok(position(/cht_Ada\/messages/) < position(/\/ack/), paths.join("\n"));
});

test("a group message that mentions the agent is answered in its thread", async (t) => {
  const { parall, seed } = await startAccount(t);
  const root = parall.say({ from: "usr_ada", chat: seed.group, text: "A topic" });
  parall.say({ from: "usr_ben", chat: seed.group, text: "Robin?", thread: root.id, mentions: ["usr_agent"] });
  const answer = await answerTo(parall, "echo: Robin?");
  assert.equal(answer.thread_root_id, root.id);
  assert.equal(answers(parall, seed.group).length, 1);
});

test("a task assignment is answered by a comment and acknowledged", async (t) => {
  const { parall } = await startAccount(t);
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write the report" });
  await acknowledged(parall, task.id);
  const comments = parall.snapshot().comments.filter((comment) => comment.author_id === "usr_agent");
  assert.deepEqual(
    comments.map((comment) => comment.body),
    ["echo: Write the report"],
  );
});

test("what came in while the account was down is answered at the next start", async (t) => {
  const first = await startAccount(t);
  await first.gateway.close();
  const asked = first.parall.say({ from: "usr_ada", chat: first.seed.direct.ada, text: "Anybody?" });
  open(t, first.parall.url);
  await answerTo(first.parall, "echo: Anybody?");
  await acknowledged(first.parall, asked.id);
});

test("a dispatch that is listed, pushed and pushed again is one turn and one answer", async (t) => {
  const release = deferred();
  const { parall, seed, turns } = await startAccount(t, {
    runTurn: async (turn, gateway) => {
      await release.promise;
      await gateway.deliver(turn.id, { kind: "final", text: "once" });
      return { started: true };
    },
  });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  parall.pushOpenDispatches("usr_agent");
  parall.pushOpenDispatches("usr_agent");
  release.resolve();
  await acknowledged(parall, asked.id);
  assert.equal(turns.length, 1);
  assert.equal(answers(parall, seed.direct.ada).length, 1);
});

test("turns of one session never overlap, and each chat keeps its order", async (t) => {
  let running = 0;
  let most = 0;
  const { parall, seed, turns } = await startAccount(t, {
    runTurn: async (turn, gateway) => {
      running += 1;
      most = Math.max(most, running);
      await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
      running -= 1;
      return { started: true };
    },
  });
  const texts = Array.from({ length: 30 }, (_, index) => `number ${index}`);
  for (const [index, text] of texts.entries())
    parall.say({ from: "usr_ada", chat: index % 2 ? seed.direct.ada : seed.group, text, mentions: ["usr_agent"] });
  for (const text of texts) await answerTo(parall, `echo: ${text}`);
  assert.equal(most, 1);
  for (const chat of [seed.direct.ada, seed.group]) {
    const said = parall.messages(chat).filter((message) => message.sender_id === "usr_ada");
    assert.deepEqual(
      turns.filter((turn) => turn.target === chat).map((turn) => turn.rawText),
      said.map((message) => message.content.text),
    );
  }
});

test("a lost response does not make a second message", async (t) => {
  const { parall, seed } = await startAccount(t);
  parall.fault("http.response_lost", { method: "POST", path: "/messages$", times: 1 });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await acknowledged(parall, asked.id);
  assert.equal(answers(parall, seed.direct.ada).length, 1);
  assert.equal(parall.snapshot().idempotency_hits, 1);
});

test("a comment whose response is lost is looked for and not written twice", async (t) => {
  const { parall } = await startAccount(t);
  parall.fault("http.response_lost", { method: "POST", path: "/comments$", times: 1 });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Once" });
  await acknowledged(parall, task.id);
  assert.equal(parall.snapshot().comments.filter((comment) => comment.author_id === "usr_agent").length, 1);
});

test("an agent that says nothing is acknowledged without an answer", async (t) => {
  const { parall, seed } = await startAccount(t, { runTurn: async () => ({ started: true }) });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "No need to answer" });
  await acknowledged(parall, asked.id);
  assert.equal(answers(parall, seed.direct.ada).length, 0);
});

test("own and empty messages are acknowledged without a turn", async (t) => {
  const { parall, seed, turns } = await startAccount(t);
  parall.fault("write.own_message_dispatched", { times: 1 });
  const own = parall.say({ from: "usr_agent", chat: seed.direct.ada, text: "I said this" });
  const empty = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "  " });
  await acknowledged(parall, own.id);
  await acknowledged(parall, empty.id);
  assert.equal(turns.length, 0);
});

test("a turn that fails is tried again and nothing is acknowledged before it works", async (t) => {
  let attempts = 0;
  const { parall, seed, turns } = await startAccount(t, {
    runTurn: async (turn, gateway) => {
      attempts += 1;
      if (attempts === 1) return { started: false, error: "the host stumbled" };
      assert.equal(dispatchOf(parall, turn.messageId).acknowledged_count, 0);
      await gateway.deliver(turn.id, { kind: "final", text: "better now" });
      return { started: true };
    },
  });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await acknowledged(parall, asked.id);
  assert.equal(turns.length, 2);
  assert.equal(answers(parall, seed.direct.ada).length, 1);
});

test("an answer that comes later through an outbound send counts as the turn's answer", async (t) => {
  const { parall, seed, turns } = await startAccount(t, {
    runTurn: async (turn, gateway) => {
      setTimeout(() => gateway.sendText(turn.target, "late but here"), 50);
      return { started: false };
    },
  });
  const root = parall.say({ from: "usr_ada", chat: seed.group, text: "A topic" });
  const asked = parall.say({ from: "usr_ada", chat: seed.group, text: "Hello", thread: root.id, mentions: ["usr_agent"] });
  await acknowledged(parall, asked.id);
  assert.equal(turns.length, 1);
  assert.deepEqual(
    answers(parall, seed.group).map((message) => [message.content.text, message.thread_root_id]),
    [["late but here", root.id]],
  );
});

test("explicit replies keep the turn's answer back and let outbound sends through", async (t) => {
  const { parall, seed } = await startAccount(t, {
    options: { replies: "explicit" },
    runTurn: async (turn, gateway) => {
      await gateway.deliver(turn.id, { kind: "final", text: "not for people" });
      await gateway.sendText(turn.target, "said on purpose");
      return { started: true };
    },
  });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await acknowledged(parall, asked.id);
  assert.deepEqual(
    answers(parall, seed.direct.ada).map((message) => message.content.text),
    ["said on purpose"],
  );
});

test("a long answer arrives in parts, in order, each with a key of its own", async (t) => {
  const long = Array.from({ length: 900 }, (_, index) => `Line ${index} of a long answer that does not fit one message.`).join("\n");
  const { parall, seed } = await startAccount(t, {
    runTurn: async (turn, gateway) => {
      await gateway.deliver(turn.id, { kind: "final", text: long });
      return { started: true };
    },
  });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Tell me all" });
  await acknowledged(parall, asked.id);
  const parts = answers(parall, seed.direct.ada).map((message) => message.content.text);
  assert.ok(parts.length > 1);
  assert.equal(parts.join("\n"), long);
});

test("a message that is gone is acknowledged and the next one is answered", async (t) => {
  const { parall, seed } = await startAccount(t);
  parall.fault("http.error", { method: "GET", path: "^/api/v1/messages/", status: 404, times: 1 });
  const gone = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Soon deleted" });
  await acknowledged(parall, gone.id);
  const next = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Still here" });
  await acknowledged(parall, next.id);
  await answerTo(parall, "echo: Still here");
});

test("a revoked key blocks the account with a reason instead of a loop", async (t) => {
  const { parall, until } = await startAccount(t);
  parall.revokeKey("usr_agent");
  const status = await until((now) => now.blocked);
  assert.equal(status.connected, false);
  assert.match(status.blocked, /401/);
  assert.doesNotMatch(status.blocked, /key_agent/);
});

test("a server of the older generation is served by its events", async (t) => {
  const { parall, seed, turns } = await startAccount(t, { server: { generation: "events" } });
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await answerTo(parall, "echo: Hello");
  parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Old style" });
  await parall.waitFor(() => parall.snapshot().comments.length === 1 || undefined, LIMIT, "the comment");
  assert.equal(turns.length, 2);
});

test("closing ends within three seconds even while a turn hangs, and leaves its dispatch to the next start", async (t) => {
  const started = deferred();
  const { parall, seed, gateway, until } = await startAccount(t, {
    runTurn: () => {
      started.resolve();
      return new Promise(() => {});
    },
  });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await started.promise;
  const before = performance.now();
  await gateway.close();
  assert.ok(performance.now() - before < 3000);
  await until((status) => status.running === false);
  assert.equal(dispatchOf(parall, asked.id).acknowledged_count, 0);
  await parall.waitFor(
    () => Object.values(parall.snapshot().sockets).every((count) => count === 0) || undefined,
    3000,
    "the end of the socket",
  );
  await assert.rejects(gateway.deliver("turn-0", { kind: "final", text: "too late" }), { code: "PARALL_CLOSED" });
});

test("a single send works without a running account, and says what is wrong with its target", async (t) => {
  const { parall, seed } = await startAccount(t);
  const options = { accountId: "default", parallUrl: parall.url, apiKey: "key_agent", orgId: "org_demo", agentId: "main" };
  const id = await native.sendText(options, `parall:prll://${seed.direct.ben}`, "From the command line");
  assert.equal(parall.messages(seed.direct.ben).find((message) => message.id === id).content.text, "From the command line");
  await assert.rejects(native.sendText(options, "general", "x"), { code: "PARALL_TARGET", message: /cht_/ });
  await assert.rejects(native.sendText({ ...options, apiKey: "wrong" }, seed.direct.ben, "x"), { code: /PARALL_/ });
});

test("a probe goes the whole way and names what fails", async (t) => {
  const { parall } = await startAccount(t);
  const options = { accountId: "default", parallUrl: parall.url, apiKey: "key_agent", orgId: "org_demo", agentId: "main" };
  const good = await native.probeAccount(options);
  assert.deepEqual([good.ok, good.agentId, good.agentName], [true, "usr_agent", "Robin"]);
  const bad = await native.probeAccount({ ...options, apiKey: "wrong" });
  assert.equal(bad.ok, false);
  assert.match(bad.error, /401/);
});
