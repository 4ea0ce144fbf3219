/** More work than an account admits, and work that is slow to come: nothing is lost, and nobody waits for somebody else's chat. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deferred, echo, startAccount } from "../support.mjs";

const LIMIT = 60_000;
const ME = "usr_agent";
const MOST = 20;

const answers = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id === ME);
const texts = (messages) => messages.map((message) => message.content.text);
const numbered = (count, text) => Array.from({ length: count }, (_, number) => text(number));
const answered = (parall, chat, count) =>
  parall.waitFor(() => answers(parall, chat).length === count || undefined, LIMIT, `${count} answers`);
const requests = (parall, route) => parall.snapshot().requests.filter((request) => request.route === route);

/** The memory of an account that waits, as soon as it admits nothing more. The status shows it every second. */
async function settled(account) {
  for (let before = 0; ; ) {
    const { nativeMemoryBytes } = account.status();
    if (nativeMemoryBytes === before) return nativeMemoryBytes;
    before = nativeMemoryBytes;
    await sleep(2_500);
  }
}

/** An account whose turns wait until they are let go. */
async function slowAccount(t, server, options = {}) {
  const gate = deferred();
  const runTurn = async (turn, gateway) => {
    await gate.promise;
    return echo(turn, gateway);
  };
  return { ...(await startAccount(t, { server, runTurn, options: { maxWaiting: MOST, ...options } })), go: gate.resolve };
}

for (const generation of ["inbox", "events"])
  test(`what is over the bound waits at a server with ${generation} and is answered once and in order`, async (t) => {
    const { parall, seed, go, until } = await slowAccount(t, { generation });
    const count = 1_000;
    for (let number = 0; number < count; number += 1) {
      const chat = number % 2 === 0 ? seed.direct.ada : seed.direct.ben;
      parall.say({ from: chat === seed.direct.ada ? "usr_ada" : "usr_ben", chat, text: `question ${number}` });
    }
    const { admitted } = await until((now) => now.admitted >= MOST);
    assert.equal(admitted, MOST);
    go();
    for (const [chat, first] of [
      [seed.direct.ada, 0],
      [seed.direct.ben, 1],
    ]) {
      await answered(parall, chat, count / 2);
      const expected = numbered(count / 2, (number) => `echo: question ${first + 2 * number}`);
      assert.deepEqual(texts(answers(parall, chat)), expected);
    }
    await until((now) => now.admitted === count);
  });

test("what an inbox lists beyond the bound is listed again when there is room", async (t) => {
  const { parall, seed, go, until, status } = await slowAccount(t, { generation: "inbox" });
  parall.dropSockets({ user: ME });
  for (let number = 0; number < 3 * MOST; number += 1) parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `question ${number}` });
  await until((now) => now.connected && now.admitted >= MOST);
  assert.equal(status().admitted, MOST);
  go();
  await answered(parall, seed.direct.ada, 3 * MOST);
  const expected = numbered(3 * MOST, (number) => `echo: question ${number}`);
  assert.deepEqual(texts(answers(parall, seed.direct.ada)), expected);
});

test("an inbox of thousands is listed to its end before younger messages are admitted", async (t) => {
  const options = { senderTurns: 10_000, senderWaiting: 10_000 };
  const { parall, seed, until } = await startAccount(t, { server: { generation: "inbox" }, runTurn: echo, options });
  parall.dropSockets({ user: ME });
  const say = (number) => parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `question ${number}` });
  const count = 2_200;
  for (let number = 0; number < count; number += 1) say(number);
  await until((now) => now.connected && now.admitted > 0);
  say(count);
  await answered(parall, seed.direct.ada, count + 1);
  const expected = numbered(count + 1, (number) => `echo: question ${number}`);
  assert.deepEqual(texts(answers(parall, seed.direct.ada)), expected);
});

/** Ada says so many messages of 900,000 characters, each beginning with its number. */
function sayLarge(parall, chat, count) {
  const text = "large ".repeat(150_000);
  for (let number = 0; number < count; number += 1) parall.say({ from: "usr_ada", chat, text: `${number} ${text}` });
  return count * text.length;
}

/** Answers with the first word of what was said. */
async function firstWord(turn, gateway) {
  await gateway.deliver(turn.id, { kind: "final", text: `heard ${turn.rawText.split(" ", 1)}` });
  return { started: true };
}

for (const generation of ["inbox", "events"])
  test(`large messages of a server with ${generation} do not pile up in memory`, async (t) => {
    const gate = deferred();
    const runTurn = async (turn, gateway) => {
      await gate.promise;
      return firstWord(turn, gateway);
    };
    const account = await startAccount(t, { server: { generation }, runTurn });
    const { parall, seed, until } = account;
    const { nativeMemoryBytes: before } = await until((now) => now.nativeMemoryBytes > 0);
    const count = 400;
    const bytes = sayLarge(parall, seed.direct.ada, count);
    await until((now) => now.nativeMemoryBytes > before + 50_000_000);
    const most = (await settled(account)) - before;
    gate.resolve();
    await answered(parall, seed.direct.ada, count);
    const expected = numbered(count, (number) => `heard ${number}`);
    assert.deepEqual(texts(answers(parall, seed.direct.ada)), expected);
    t.diagnostic(`${most} bytes for ${bytes} bytes of messages`);
    assert.ok(most < 200_000_000, `${most}`);
  });

test("large messages that came in while nobody listened are all read and answered", async (t) => {
  const { parall, seed, until } = await startAccount(t, { server: { generation: "events" }, runTurn: firstWord });
  parall.dropSockets({ user: ME });
  const count = 200;
  sayLarge(parall, seed.direct.ada, count);
  await until((now) => now.connected);
  await answered(parall, seed.direct.ada, count);
  const expected = numbered(count, (number) => `heard ${number}`);
  assert.deepEqual(texts(answers(parall, seed.direct.ada)), expected);
});

for (const [generation, route] of [
  ["inbox", "messages.get"],
  ["events", "chats.get"],
])
  test(`a message that a server with ${generation} does not give yet holds up its own chat alone`, async (t) => {
    const { parall, seed } = await startAccount(t, { server: { generation } });
    const say = (chat, text) => parall.say({ from: chat === seed.direct.ben ? "usr_ben" : "usr_ada", chat, text });
    parall.fault("http.rate_limit", { route, times: 1, retry_after: "3" });
    say(seed.direct.ada, "slow");
    await parall.waitFor(() => requests(parall, route).length > 0 || undefined, LIMIT, "the refusal");
    say(seed.direct.ada, "quick");
    say(seed.direct.ben, "elsewhere");
    await answered(parall, seed.direct.ben, 1);
    assert.deepEqual(texts(answers(parall, seed.direct.ada)), []);
    await answered(parall, seed.direct.ada, 2);
    assert.deepEqual(texts(answers(parall, seed.direct.ada)), ["echo: slow", "echo: quick"]);
  });

test("without a word on its chat a slow message holds up younger messages, because it may belong to any of their chats, but no task", async (t) => {
  const { parall, seed } = await startAccount(t, { server: { generation: "inbox", choices: { dispatchNamesChat: false } } });
  parall.fault("http.rate_limit", { route: "messages.get", times: 1, retry_after: "3" });
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "slow" });
  await parall.waitFor(() => requests(parall, "messages.get").length > 0 || undefined, LIMIT, "the refusal");
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "quick" });
  parall.assignTask({ from: "usr_ada", to: ME, title: "a task" });
  await parall.waitFor(() => parall.snapshot().comments.length > 0 || undefined, LIMIT, "the comment");
  assert.deepEqual(texts(answers(parall, seed.direct.ada)), []);
  await answered(parall, seed.direct.ada, 2);
  assert.deepEqual(texts(answers(parall, seed.direct.ada)), ["echo: slow", "echo: quick"]);
});
