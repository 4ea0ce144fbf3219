/** What an account on a server without dispatch inbox finds out about the time it was away. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Account, ECHO_HOST } from "../../crash/processes.mjs";
import { LocalParall } from "../../server/server.js";
import { echo, open } from "../support.mjs";

/** What the agent gets of a text when the operator says nothing else. */
const MAX_TEXT_BYTES = 64 * 1024;
const LIMIT = 60_000;
const MISSED = "[Received: late; it was written while you were offline]";
const ME = "usr_agent";

/** A server without inbox and a folder that the starts of an account share. */
async function stage(t, choices = {}) {
  const folder = await mkdtemp(join(tmpdir(), "parall-catch-up-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const parall = await LocalParall.start({ generation: "events", choices });
  t.after(() => parall.close());
  const seed = parall.seed();
  const begin = (setup = {}) => open(t, parall.url, { ...setup, options: { stateDir: folder } });
  /** A life that knows how far everything was read, and is over. */
  const firstStart = async () => {
    const account = begin();
    await account.until((status) => status.connected);
    parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "first" });
    await answered(parall, seed.direct.ada, "first");
    await account.gateway.close();
  };
  return { folder, parall, seed, begin, firstStart };
}

const answers = (parall, chat) => texts(parall.messages(chat).filter((message) => message.sender_id === ME));
const questions = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id !== ME);
const texts = (messages) => messages.map((message) => message.content.text);
const answered = (parall, chat, text) => parall.waitFor(() => answers(parall, chat).includes(`echo: ${text}`) || undefined, LIMIT, text);
const requested = (parall, route, count = 1) =>
  parall.waitFor(() => parall.snapshot().requests.filter((one) => one.route === route).length >= count || undefined, LIMIT, route);

/** People write in two direct chats and, half of it not to the agent, in a group. */
function write(parall, seed, count) {
  const places = [seed.direct.ada, seed.direct.ben, seed.group, seed.group];
  const first = parall.messages().length;
  for (let number = first; number < first + count; number += 1) {
    const chat = places[number % places.length];
    const toAgent = number % places.length !== 3;
    const text = toAgent ? `question ${number}` : `between us ${number}`;
    const from = chat === seed.direct.ben ? "usr_ben" : "usr_ada";
    parall.say({ from, chat, text, mentions: chat === seed.group && toAgent ? [ME] : [] });
  }
}

/** Everything said to the agent is answered, once and in the order of its chat, and nothing else is. */
async function allAnswered(parall, seed) {
  for (const chat of [seed.direct.ada, seed.direct.ben, seed.group]) {
    const asked = texts(questions(parall, chat)).filter((text) => !text.startsWith("between us"));
    for (const text of asked.slice(-1)) await answered(parall, chat, text);
    assert.deepEqual(
      answers(parall, chat),
      asked.map((text) => `echo: ${text}`),
    );
  }
}

for (const [what, choices] of [
  ["no frame is replayed", { replaysFrames: false }],
  ["the last frames are replayed", { replayWindow: 7 }],
  ["all frames are replayed", {}],
])
  for (const count of [1, 200])
    test(`${count} messages that came while the account was away are answered once and in order when ${what}`, async (t) => {
      const { parall, seed, begin, firstStart } = await stage(t, choices);
      await firstStart();
      write(parall, seed, count);
      const second = begin();
      await second.until((status) => status.connected);
      await allAnswered(parall, seed);
      assert.ok(second.turns.every((turn) => turn.text.split("\n")[1] === MISSED));
      parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "and now" });
      await answered(parall, seed.direct.ada, "and now");
      assert.ok(!second.turns.at(-1).text.includes(MISSED));
    });

test("what was said while the connection was down is answered once, before what came after", async (t) => {
  const { parall, seed, begin } = await stage(t, { replaysFrames: false });
  const account = begin();
  await account.until((status) => status.connected);
  await requested(parall, "agents.tasks");
  for (let round = 0; round < 3; round += 1) {
    parall.fault("http.slow", { route: "messages.list", ms: 200, times: 3 });
    parall.dropSockets({ user: ME });
    write(parall, seed, 8);
    const sockets = parall.snapshot().requests.filter((one) => one.route === "ws.connect").length;
    await requested(parall, "ws.connect", sockets + 1);
    write(parall, seed, 8);
    await allAnswered(parall, seed);
  }
});

test("a fresh account answers nothing that was said before it first connected", async (t) => {
  const { parall, seed, begin } = await stage(t);
  write(parall, seed, 40);
  parall.assignTask({ from: "usr_ada", to: ME, title: "Old" });
  const first = begin();
  await first.until((status) => status.connected);
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "new" });
  await answered(parall, seed.direct.ada, "new");
  await first.gateway.close();
  const second = begin();
  await second.until((status) => status.connected);
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "newer" });
  await answered(parall, seed.direct.ada, "newer");
  assert.deepEqual(texts([...first.turns, ...second.turns].map((turn) => ({ content: { text: turn.rawText } }))), ["new", "newer"]);
  assert.deepEqual(parall.snapshot().comments, []);
});

test("tasks that were assigned while the account was away are taken up once", async (t) => {
  const { parall, begin, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  const titles = ["one", "two", "three"];
  for (const title of titles) parall.assignTask({ from: "usr_ada", to: ME, title });
  parall.assignTask({ from: "usr_ada", to: "usr_ben", title: "not mine" });
  const comments = () => parall.snapshot().comments.map((comment) => comment.body);
  for (let life = 1; life <= 2; life += 1) {
    const account = begin();
    await requested(parall, "agents.tasks", life + 1);
    await parall.waitFor(() => comments().length === titles.length || undefined, LIMIT, "the comments");
    await account.gateway.close();
  }
  // Between tasks there is no order.
  assert.deepEqual(comments().sort(), titles.map((title) => `echo: ${title}`).sort());
});

test("a chat that began while the account was away is answered from its beginning", async (t) => {
  const { parall, begin, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  const chat = parall.addChat({ type: "direct", members: ["usr_ben", ME] }).id;
  parall.say({ from: "usr_ben", chat, text: "Hello?" });
  parall.say({ from: "usr_ben", chat, text: "Anybody?" });
  begin();
  await answered(parall, chat, "Anybody?");
  assert.deepEqual(answers(parall, chat), ["echo: Hello?", "echo: Anybody?"]);
});

test("of a long absence the newest messages are answered, and log and status tell how many are left out", async (t) => {
  const { parall, seed, begin, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  const asked = Array.from({ length: 530 }, (_, number) => `question ${number}`);
  for (const text of asked) parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  const { until, logs } = begin();
  const { catchUp } = await until((status) => status.catchUp);
  assert.match(catchUp, /^500 events came in .*; 30 older ones are left out, because at most 500 of a chat and 5000 in all/);
  await answered(parall, seed.direct.ada, asked.at(-1));
  assert.deepEqual(
    answers(parall, seed.direct.ada).slice(1),
    asked.slice(30).map((text) => `echo: ${text}`),
  );
  assert.ok(logs.some((line) => line.includes("30 older ones are left out")));
});

test("what cannot be read at once is read later, and the status says so meanwhile", async (t) => {
  const { parall, seed, begin, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  write(parall, seed, 20);
  parall.fault("http.error", { route: "messages.list", path: "cht_Ben", status: 503, times: 3 });
  const { until } = begin();
  await until((status) => /cannot read what was missed, trying again: cht_Ben: .*503/.test(status.lastError));
  await allAnswered(parall, seed);
  await until((status) => status.lastError === null);
});

test("a server that does not tell what was missed is served by its frames", async (t) => {
  const { parall, seed, begin } = await stage(t);
  parall.fault("http.error", { route: "members.chats", status: 404 });
  const { until } = begin();
  await until((status) => /does not tell what was missed/.test(status.catchUp));
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "live" });
  await answered(parall, seed.direct.ada, "live");
});

test("messages too large for one answer are found all the same", async (t) => {
  const { parall, seed, begin, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  const asked = Array.from({ length: 12 }, (_, number) => `${number} ${"long ".repeat(200_000)}`);
  for (const text of asked) parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  const heard = [];
  const runTurn = async (turn, gateway) => {
    heard.push(turn.rawText);
    return echo({ ...turn, rawText: turn.rawText.slice(0, 5) }, gateway);
  };
  begin({ runTurn });
  await parall.waitFor(() => answers(parall, seed.direct.ada).length === 13 || undefined, LIMIT, "the answers");
  assert.deepEqual(
    heard,
    asked.map((text) => text.slice(0, MAX_TEXT_BYTES)),
  );
});

test("kills in the middle of catching up lose nothing and double nothing", async (t) => {
  const { folder, parall, seed, firstStart } = await stage(t, { replaysFrames: false });
  await firstStart();
  write(parall, seed, 120);
  let known = answers(parall).length;
  for (let life = 0; ; life += 1) {
    const account = new Account({ url: parall.url, folder }, () => {}, ECHO_HOST);
    t.after(() => account.kill());
    if (life === 6) break;
    // Each life ends at another point: before, while and after it reads, and in the middle of its answers.
    if (life < 2)
      await requested(parall, "messages.list", parall.snapshot().requests.filter((one) => one.route === "messages.list").length + life);
    else await parall.waitFor(() => answers(parall).length > known + 5 || undefined, LIMIT, "some answers");
    await account.kill();
    known = answers(parall).length;
  }
  await allAnswered(parall, seed);
});
