/** Every command that asks the server, with every fault and every form of a refusal. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stage } from "./command.mjs";
import { assertFailure, FAULTS, FORMS, patience } from "./faults.mjs";

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
const REFUSALS = FORMS.map((form) => [
  `403 in the ${form} form`,
  "http.error",
  { status: 403, form, code: "NOT_YOURS", message: "not yours" },
  2,
]);
/** Faults of a single item, which not every command reads. */
const OF_ITEMS = ["http.deep_body", "http.missing_fields", "http.null_fields"];
const UNUSABLE = FAULTS.filter(([fault]) => !OF_ITEMS.includes(fault)).map(([fault, options, code]) => [fault, fault, options, 3, code]);
/** Deep nesting in a member that nobody reads does no harm; elsewhere it is a fault like the others. */
const DEEP = FAULTS.find(([fault]) => fault === "http.deep_body");
/** Commands that run at a time. */
const AT_ONCE = 4;

/** A server with what the commands name, and the commands with their ids. */
async function scene(context) {
  const { parall, run } = await stage(context);
  const message = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "When?" });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Plan" });
  parall.addWiki({ slug: "kb", files: { "a.md": "a\n" } });
  const places = { MESSAGE: message.id, TASK: task.id };
  const tried = (line, code) => run([...line.split(" ").map((word) => places[word] ?? word), "--timeout", String(patience(code))]);
  return { parall, tried };
}

/** Fails with one of these exit codes, as documented, in bounded words and without the key. */
function assertBounded(result, exits, line) {
  const { code, err, error } = result;
  assert.ok(exits.includes(code), `${line}: exit ${code} instead of ${exits}: ${result.out}${err}`);
  assertFailure(result, code);
  assert.match(error.code, /^[A-Z][A-Z0-9_]+$/, line);
  assert.ok(error.message.length < 2_000, line);
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
  for (const [name, fault, options, exit, code] of [...REFUSALS, ...UNUSABLE]) {
    test(`fails the same way as every other: ${name}`, async (context) => {
      const { parall, tried } = await scene(context);
      parall.fault(fault, options);
      await inTurns(READS, async (line) => assertBounded(await tried(line, code), [exit], line));
    });
  }
});

test("deep nesting is passed over or a failure", async (context) => {
  const { parall, tried } = await scene(context);
  parall.fault(DEEP[0], DEEP[1]);
  await inTurns(READS, async (line) => {
    const result = await tried(line, DEEP[2]);
    if (result.code === 0) assert.ok(result.json, line);
    else assertBounded(result, [3], line);
  });
});

describe("a command that writes", () => {
  for (const [name, fault, options, exit, code] of [...REFUSALS, ...UNUSABLE]) {
    test(`writes once at most and says what it knows: ${name}`, async (context) => {
      const { parall, tried } = await scene(context);
      parall.fault(fault, options);
      // What may have been written although no answer came has an exit code of its own.
      const exits = exit === 2 ? [2] : [3, 4];
      await inTurns(WRITES, async (line) => assertBounded(await tried(line, code), exits, line));
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
