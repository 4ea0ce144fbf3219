/** A running account at its limits: agents that answer each other, huge messages, many reloads. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Server } from "../../crash/processes.mjs";
import { LocalParall } from "../../server/server.js";
import { deferred, echo, native, noForks, open, startAccount } from "../support.mjs";

const LIMIT = 60_000;
const AGENT_TURNS = 8;
const RELOADS = 200;

const acknowledged = (parall, sourceId) =>
  parall.waitFor(
    () => parall.snapshot().dispatches.find((one) => one.source_id === sourceId)?.acknowledged_count > 0 || undefined,
    LIMIT,
    `the acknowledgement of ${sourceId}`,
  );
const allAcknowledged = (parall) =>
  parall.waitFor(() => parall.snapshot().dispatches.every((one) => one.acknowledged_count > 0) || undefined, LIMIT, "all acknowledgements");

/** Agents in a ring, each in a direct chat with the next; with two there is one chat. `tell` passes on what an agent hears. */
async function ring(t, size) {
  const parall = await LocalParall.start();
  t.after(() => parall.close());
  parall.seed();
  const agents = Array.from({ length: size }, (_, index) => parall.addAgent({ name: `Agent ${index}` }));
  const chats = agents.slice(size === 2 ? 1 : 0).map((agent, index) => {
    const next = agents[(index + 1) % size];
    return parall.addChat({ type: "direct", members: size === 2 ? agents.map((one) => one.id) : [agent.id, next.id] }).id;
  });
  const accounts = agents.map((agent, index) => {
    const target = chats[index % chats.length];
    const runTurn = async (turn, gateway) => {
      await gateway.sendText(target, "and then?");
      return { started: true, turn };
    };
    return open(t, parall.url, { runTurn, options: { apiKey: agent.key, replies: "explicit" } });
  });
  await Promise.all(accounts.map((account) => account.until((status) => status.connected)));
  return { parall, agents, chats, accounts };
}

for (const [what, size] of [
  ["two agents that answer each other", 2],
  ["three agents in a ring", 3],
])
  test(`${what} stop, and the status of one says why`, async (t) => {
    const { parall, agents, chats, accounts } = await ring(t, size);
    parall.say({ from: agents[0].id, chat: chats[0], text: "begin" });
    const stopped = await Promise.any(accounts.map((account) => account.until((status) => status.loopStopped, LIMIT)));
    assert.match(stopped.loopStopped, new RegExp(`agents answer each other: ${AGENT_TURNS} turns`));
    await allAcknowledged(parall);
    const turns = accounts.map((account) => account.turns.length);
    assert.equal(Math.max(...turns), AGENT_TURNS);
    assert.ok(Math.min(...turns) >= AGENT_TURNS - 1);
  });

test("a person's word lets agents answer again", async (t) => {
  const { parall, agents, chats, accounts } = await ring(t, 2);
  parall.say({ from: agents[0].id, chat: chats[0], text: "begin" });
  await accounts[1].until((status) => status.loopStopped, LIMIT);
  await allAcknowledged(parall);
  const person = parall.addChat({ type: "direct", members: ["usr_ada", agents[1].id] });
  const asked = parall.say({ from: "usr_ada", chat: person.id, text: "Hello" });
  await acknowledged(parall, asked.id);
  assert.equal(accounts[1].turns.at(-1).rawText, "Hello");
});

test("a text of more than 64 KiB reaches the agent cut, with a line that says by how much", async (t) => {
  const { parall, seed, turns } = await startAccount(t);
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `${"0123456789abcde\n".repeat(4096)}the end` });
  await acknowledged(parall, asked.id);
  assert.equal(turns[0].rawText.length, 64 * 1024);
  assert.match(turns[0].text, /\n0123456789abcde\n\n\[Cut: 7 more bytes are not shown\]\n$/);
});

test("a text of one megabyte reaches the agent whole, where the operator allows that, and is answered whole", async (t) => {
  const { parall, seed, turns } = await startAccount(t, { options: { maxTextBytes: 2_000_000 } });
  const text = Array.from({ length: 20_000 }, (_, index) => `Line ${index} of a message that is far too long, ä€😀.`).join("\n");
  assert.ok(Buffer.byteLength(text) > 1_000_000);
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  await acknowledged(parall, asked.id);
  assert.equal(turns[0].rawText, text);
  const parts = parall.messages(seed.direct.ada).filter((message) => message.sender_id === "usr_agent");
  assert.ok(parts.length > 60);
  assert.equal(parts.map((message) => message.content.text).join("\n"), `echo: ${text}`);
});

test("a message with thousands of files is answered, and the agent sees that there are files", async (t) => {
  const { parall, seed, turns } = await startAccount(t);
  const attachments = Array.from({ length: 3_000 }, (_, index) => ({ file_name: `file ${index}.txt` }));
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "All of them", attachments });
  await acknowledged(parall, asked.id);
  assert.match(turns[0].text, /\[Attachment: .*file 0\.txt/);
  assert.match(turns[0].text, /\n\nAll of them$/);
});

test("a chat without a name is served under its members' eyes as any other", async (t) => {
  const { parall, turns } = await startAccount(t);
  const chat = parall.addChat({ type: "group", members: ["usr_ada", "usr_ben", "usr_agent"] });
  const asked = parall.say({ from: "usr_ben", chat: chat.id, text: "Who is here?", mentions: ["usr_agent"] });
  await acknowledged(parall, asked.id);
  assert.notEqual(turns[0].conversationLabel, "");
  assert.match(turns[0].text, new RegExp(`\\[Chat: ${chat.id} \\(group\\)\\]`));
});

test(`${RELOADS} reloads leave no socket, thread, file handle or second consumer`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "parall-reloads-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await new Server(join(folder, "server.jsonl")).start();
  t.after(() => server.kill());
  let before;
  for (let round = 0; round < RELOADS; round += 1) {
    await reload(server.url, folder);
    if (round === 10) before = await settled();
  }
  const after = await settled((now) => now.files <= before.files);
  assert.ok(after.files <= before.files, `${before.files} file handles became ${after.files}`);
  assert.ok(after.threads <= before.threads + 4, `${before.threads} threads became ${after.threads}`);
  assert.deepEqual(after.journals, 0);
  assert.deepEqual(Object.values((await server.control("snapshot")).sockets), [0]);
  const last = open(t, server.url, { options: { stateDir: folder } });
  await last.until((status) => status.connected);
  assert.deepEqual(Object.values((await server.control("snapshot")).sockets), [1]);
});

/** One life of an account. Its log tells of the connection sooner than its status, which is published now and then. */
async function reload(url, stateDir) {
  const { promise: connected, resolve } = deferred();
  const gateway = native.startGateway(
    { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", stateDir, collectEvents: 1 },
    {
      ...noForks,
      runTurn: (turn) => echo(turn, gateway),
      status: () => {},
      log: (_, message) => message === "connected" && resolve(),
    },
  );
  await connected;
  await gateway.close();
}

/** What this process holds, as soon as `enough` is true of it or nothing changes any more. */
async function settled(enough = () => false) {
  let held = holdings();
  for (let waited = 0; waited < 5_000 && !enough(held); waited += 100) {
    await sleep(100);
    held = holdings();
  }
  return held;
}

/** Blocking threads of the native part come and go, at most four; those of a journal must be gone with it. */
function holdings() {
  const threads = readdirSync("/proc/self/task").map((id) => readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim());
  return {
    files: readdirSync("/proc/self/fd").length,
    threads: threads.length,
    journals: threads.filter((name) => name === "parall-journal").length,
  };
}
