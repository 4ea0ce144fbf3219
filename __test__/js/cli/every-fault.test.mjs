/** Every command that asks the server, with every fault and every form of a refusal. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stage } from "./command.mjs";

/** By ids, so that the first request is the command's own. */
const READS = [
  "whoami",
  "members list",
  "agents list",
  "users get usr_ada",
  "chats list",
  "chats get cht_Launch",
  "chats members cht_Launch",
  "messages list cht_Launch",
  "messages get MESSAGE",
  "messages replies MESSAGE",
  "tasks list",
  "tasks get TASK",
  "tasks comments list TASK",
  "projects list",
  "projects get prj_Launch",
  "wiki list",
  "wiki tree kb",
];
const WRITES = [
  "messages send cht_Launch --text written",
  "dm usr_ada --text written",
  "tasks create --title written",
  "tasks update TASK --status in_progress",
  "tasks comments add TASK --body written",
];
const REFUSALS = ["nested", "flat", "string", "html", "text", "empty"].map((form) => [
  `403 in the ${form} form`,
  "http.error",
  { status: 403, form, code: "NOT_YOURS", message: "not yours" },
  2,
]);
const FAULTS = [
  ["http.never_answer", {}],
  ["http.stalled_body", {}],
  ["http.close", {}],
  ["http.truncated_body", {}],
  ["http.redirect", {}],
  ["http.invalid_json", {}],
  ["http.invalid_utf8", {}],
  ["http.empty_body", {}],
  ["http.oversized_body", {}],
  ["http.body", { body: "<html>" }],
].map(([fault, options]) => [fault, fault, options, 3]);
/** Deep nesting in a member that nobody reads does no harm; elsewhere it is a fault like the others. */
const DEEP = "http.deep_body";
/** Commands that run at a time. */
const AT_ONCE = 4;

/** A server with what the commands name, and the commands with their ids. */
async function scene(context) {
  const { parall, run } = await stage(context);
  const message = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "When?" });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Plan" });
  parall.addWiki({ slug: "kb", files: { "a.md": "a\n" } });
  const places = { MESSAGE: message.id, TASK: task.id };
  // Only what never comes has to be waited for.
  const patience = (fault) => (["http.never_answer", "http.stalled_body"].includes(fault) ? "0.4" : "15");
  const tried = (line, fault) => run([...line.split(" ").map((word) => places[word] ?? word), "--timeout", patience(fault)]);
  return { parall, tried };
}

/** One error object of the documented shape, and nothing else. */
function assertFailure({ code, out, err, error }, exits, line) {
  assert.ok(exits.includes(code), `${line}: exit ${code} instead of ${exits}: ${out}${err}`);
  assert.equal(out, "", line);
  assert.deepEqual(Object.keys(error).slice(0, 4), ["code", "message", "status", "retry_after"], line);
  assert.match(error.code, /^[A-Z][A-Z0-9_]+$/, line);
  assert.ok(error.message.length > 0 && error.message.length < 2_000, line);
  assert.ok(!err.includes("key_agent"), `${line}: the key is shown`);
}

async function inTurns(lines, work) {
  const rest = [...lines];
  const worker = async () => {
    for (let line = rest.shift(); line !== undefined; line = rest.shift()) await work(line);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe("a command that reads", () => {
  for (const [name, fault, options, exit] of [...REFUSALS, ...FAULTS]) {
    test(`fails the same way as every other: ${name}`, async (context) => {
      const { parall, tried } = await scene(context);
      parall.fault(fault, options);
      await inTurns(READS, async (line) => assertFailure(await tried(line, fault), [exit], line));
    });
  }
});

test("deep nesting is passed over or a failure", async (context) => {
  const { parall, tried } = await scene(context);
  parall.fault(DEEP, {});
  await inTurns(READS, async (line) => {
    const result = await tried(line, DEEP);
    if (result.code === 0) assert.ok(result.json, line);
    else assertFailure(result, [3], line);
  });
});

describe("a command that writes", () => {
  for (const [name, fault, options, exit] of [...REFUSALS, ...FAULTS]) {
    test(`writes once at most and says what it knows: ${name}`, async (context) => {
      const { parall, tried } = await scene(context);
      parall.fault(fault, options);
      // What may have been written although no answer came has an exit code of its own.
      const exits = exit === 2 ? [2] : [3, 4];
      await inTurns(WRITES, async (line) => assertFailure(await tried(line, fault), exits, line));
      const texts = parall.messages().filter(({ content }) => content.text === "written");
      assert.ok(texts.length <= 2, "one in each of the two chats at most");
      const comments = [...parall.store.comments.values()].flat().filter(({ body }) => body === "written");
      assert.ok(comments.length <= 1, "one comment at most");
      const tasks = [...parall.store.tasks.values()].filter(({ title }) => title === "written");
      assert.ok(tasks.length <= 1, "one task at most");
      if (exit === 2) assert.deepEqual([texts, comments, tasks], [[], [], []]);
    });
  }
});
