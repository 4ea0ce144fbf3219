import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { defaultAnswer } from "../../model/directives.js";
import { ScriptedModel } from "../../model/model.js";

const TIMEOUT = 10_000;
let model;

before(async () => {
  model = await ScriptedModel.start();
});
after(() => model.close());

const ask = (messages, options) =>
  fetch(`${model.baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer x" },
    body: JSON.stringify({ model: "scripted-1", messages, ...options }),
  });
const user = (content) => [
  { role: "system", content: "You are a test." },
  { role: "user", content },
];
const answerTo = async (content) => (await (await ask(user(content))).json()).choices[0].message;

const EVENT = `Conversation info from the host:
{"a": 1}

[Event: message.new]
[Chat: cht_Launch (group) Launch]
[From: usr_ada (human) Ada Weber]

When do we launch?`;

test("answers with the question, the sender and the chat of the event header", async () => {
  const { content } = await answerTo(EVENT);
  assert.match(content, /^Ada Weber, you wrote in Launch: "When do we launch\?" This is answer \d+\.$/);
});

test("answers text without a header too", () => {
  assert.equal(defaultAnswer("Hi [[slow:5]] there", 7), 'Hello, you wrote: "Hi there" This is answer 7.');
});

test("streams the same answer in pieces that end with the usage and DONE", async () => {
  const text = await (await ask(user("Hi [[say:one two three]] [[tokens:4321]]"), { stream: true })).text();
  const lines = text.split("\n\n").filter(Boolean);
  assert.equal(lines.at(-1), "data: [DONE]");
  const chunks = lines.slice(0, -1).map((line) => JSON.parse(line.slice("data: ".length)));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""), "one two three");
  assert.equal(chunks.at(-2).choices[0].finish_reason, "stop");
  assert.equal(chunks.at(-1).usage.prompt_tokens, 4321);
});

test("says NO_REPLY on request", async () => {
  assert.equal((await answerTo("Thanks! [[noreply]]")).content, "NO_REPLY");
});

test("calls a tool first and answers after its result", async () => {
  const question = 'Look it up [[tool:read {"path":"a","deep":{"b":1}}]]';
  const { tool_calls: calls } = await answerTo(question);
  assert.deepEqual(calls[0].function, { name: "read", arguments: '{"path":"a","deep":{"b":1}}' });
  const after = await ask([...user(question), { role: "assistant", content: null, tool_calls: calls }, { role: "tool", content: "found" }]);
  assert.equal((await after.json()).choices[0].finish_reason, "stop");
});

test("fails with the wanted status, until that is released", async () => {
  assert.equal((await ask(user("[[fail]]"))).status, 500);
  assert.equal((await ask(user("[[fail:429]]"))).status, 429);
  model.release("fail");
  const response = await ask(user("[[fail]] [[say:recovered]]"));
  assert.equal((await response.json()).choices[0].message.content, "recovered");
});

test("reads the person's message and not the one the host added after it", async () => {
  const response = await ask([
    ...user([{ type: "text", text: "[[say:right]]" }]),
    { role: "user", content: "<<<BEGIN_OPENCLAW context [[say:wrong]]" },
  ]);
  assert.equal((await response.json()).choices[0].message.content, "right");
});

test("holds an answer until it is released", async () => {
  const held = ask(user("wait [[hold:gate]] [[say:opened]]"));
  const request = await model.waitForRequest((one) => one.user.includes("[[hold:gate]]"), TIMEOUT);
  assert.equal(request.answer, undefined);
  model.release("gate");
  assert.equal((await (await held).json()).choices[0].message.content, "opened");
});

test("an asker who hangs up does not keep a held request", async () => {
  const hangUp = new AbortController();
  const held = fetch(`${model.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ messages: user("[[hold:never]]") }),
    signal: hangUp.signal,
  });
  await model.waitForRequest((one) => one.user.includes("[[hold:never]]"), TIMEOUT);
  hangUp.abort();
  await assert.rejects(held, { name: "AbortError" });
  await model.waitForRequest((one) => one.user.includes("[[hold:never]]") && one.gone, TIMEOUT);
});

test("a slow answer comes after a later quick one", async () => {
  const order = [];
  const slow = ask(user("[[slow:200]]")).then(() => order.push("slow"));
  await model.waitForRequest((one) => one.user === "[[slow:200]]", TIMEOUT);
  await ask(user("quick")).then(() => order.push("quick"));
  await slow;
  assert.deepEqual(order, ["quick", "slow"]);
});

test("runs as a process, logs requests to a file and ends on SIGTERM", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "scripted-model-"));
  context.after(() => rm(folder, { recursive: true }));
  const log = join(folder, "requests.jsonl");
  const child = spawn(process.execPath, [join(import.meta.dirname, "..", "..", "model", "main.js"), "--log", log], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  const { base_url: baseUrl, url } = JSON.parse(line);
  const models = await (await fetch(`${baseUrl}/models`)).json();
  assert.equal(models.data[0].id, "scripted-1");
  await fetch(`${baseUrl}/chat/completions`, { method: "POST", body: JSON.stringify({ messages: user("logged") }) });
  assert.equal(JSON.parse(await readFile(log, "utf8")).user, "logged");
  assert.equal((await (await fetch(`${url}/_control/requests`)).json()).length, 1);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
