import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Probe } from "../../server/probe.js";

const MAIN = join(import.meta.dirname, "..", "..", "server", "main.js");
let folder;
let state;
let children;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "local-parall-"));
  state = join(folder, "state.jsonl");
  children = [];
});
afterEach(async () => {
  for (const child of children) await kill(child);
  await rm(folder, { recursive: true });
});

async function run(...options) {
  const child = spawn(process.execPath, [MAIN, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return { child, ...JSON.parse(line) };
}

async function kill(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function control(url, name, body) {
  const response = await fetch(`${url}/_control/${name}`, { method: "POST", body: JSON.stringify(body ?? {}) });
  return { status: response.status, body: await response.json() };
}

test("loses nothing it has answered when killed, and continues at the same port", async () => {
  const first = await run("--state", state);
  await control(first.url, "seed");
  const agent = new Probe(first.url, "key_agent");
  const socket = await agent.connect();
  const { body: asked } = await control(first.url, "say", { from: "usr_ada", chat: "cht_Ada", text: "Hello" });
  const { body: later } = await control(first.url, "say", { from: "usr_ben", chat: "cht_Ben", text: "And me" });
  const [{ data: dispatch }] = await socket.frames("dispatch.new", 2);
  await agent.post("~/dispatch/received", { source_type: "message", source_id: asked.id });
  const { body: answer } = await agent.send("cht_Ada", "Hi Ada", { idempotency_key: "k1" });
  await agent.post(`~/dispatch/${dispatch.id}/ack`);
  const { body: before } = await control(first.url, "snapshot");

  await kill(first.child);
  await socket.end();
  const second = await run("--state", state, "--port", String(first.port), "--seed");
  assert.equal(second.url, first.url);
  const { body: after } = await control(second.url, "snapshot");
  for (const part of ["users", "chats", "messages", "dispatches"]) assert.deepEqual(after[part], before[part]);

  assert.deepEqual(
    (await agent.get("~/dispatch")).body.data.map((one) => one.source_id),
    [later.id],
  );
  const again = await agent.send("cht_Ada", "Hi Ada", { idempotency_key: "k1" });
  assert.deepEqual([again.status, again.body.id], [200, answer.id]);
  const replayed = await agent.connect({ lastSeq: 1 });
  assert.deepEqual((await replayed.frames("dispatch.new"))[0].data.source_id, later.id);
  replayed.close();
});

test("starts from a state whose last line was cut off", async () => {
  const first = await run("--state", state, "--seed");
  await kill(first.child);
  const whole = await readFile(state, "utf8");
  await appendFile(state, '["messages","msg_half",{"id":"msg_ha');
  const second = await run("--state", state);
  assert.equal((await control(second.url, "snapshot")).body.users.length, 3);
  assert.equal(await readFile(state, "utf8"), whole);
});

test("is driven over HTTP by tests in other processes", async () => {
  const { url } = await run("--generation", "inbox", "--heartbeat", "7");
  const { body: seed } = await control(url, "seed");
  assert.deepEqual([seed.agent.key, seed.direct.ada, seed.group], ["key_agent", "cht_Ada", "cht_Launch"]);
  const agent = new Probe(url, seed.agent.key);
  const socket = await agent.connect();
  assert.equal((await socket.frames("hello"))[0].data.heartbeat_interval, 7);

  const waiting = control(url, "wait", { kind: "message", from: "usr_agent", chat: "cht_Launch", contains: "42" });
  const { body: question } = await control(url, "say", {
    from: "usr_ben",
    chat: "cht_Launch",
    text: "And?",
    mentions: ["usr_agent"],
    no_reply: false,
  });
  await agent.send("cht_Launch", "It is 42", { thread_root_id: question.id });
  assert.equal((await waiting).body.matches[0].thread_root_id, question.id);

  const { body: task } = await control(url, "assign_task", { from: "usr_ada", to: "usr_agent", title: "Plan" });
  await control(url, "wait", { kind: "dispatch", source: task.id, status: "pending" });
  await agent.post("~/comments", { target_uri: `prll://${task.id}`, body: "On it" });
  assert.equal((await control(url, "wait", { kind: "comment", task: task.id, contains: "On" })).body.matches.length, 1);

  const { body: fault } = await control(url, "fault", { name: "http.error", times: 1, route: "agents.me" });
  assert.match(fault.id, /^fault_/);
  assert.equal((await agent.get("~/agents/me")).status, 500);
  await control(url, "wait", { kind: "request", route: "agents.me", status: 500 });
  await control(url, "bad_frame", { user: "usr_agent", kind: "not_object" });
  await socket.next(({ text }) => text === "[1,2,3]");
  await control(url, "drop_sockets", { user: "usr_agent" });
  await control(url, "wait", { kind: "no_socket" });

  const { body: timeline } = await control(url, "timeline");
  assert.deepEqual(
    timeline.events.map(({ event }) => event),
    ["socket.open", "message", "dispatch", "message", "task", "dispatch", "comment", "socket.close"],
  );
  assert.ok(timeline.events.every(({ at }, index, all) => index === 0 || at >= all[index - 1].at));
});

test("says what a control got wrong, and what did not come in time", async () => {
  const { url } = await run("--seed");
  assert.equal((await control(url, "wait", { kind: "message", timeout_ms: 20 })).status, 408);
  assert.match((await control(url, "nothing")).body.error, /unknown control: nothing/);
  assert.match((await control(url, "fault", { name: "none" })).body.error, /unknown fault: none/);
  assert.equal((await control(url, "say", { from: "usr_ada", chat: "cht_Ben", text: "x" })).status, 404);
  assert.match((await control(url, "wait", { kind: "weather" })).body.error, /unknown kind: weather/);
});

test("ends on SIGTERM with sockets open", async () => {
  const { url, child } = await run("--seed");
  await new Probe(url, "key_agent").connect();
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
