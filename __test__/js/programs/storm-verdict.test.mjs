/** The judge of a storm on a host finds each way in which it can go wrong, and nothing where all went well. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { plan } from "../../crash/script.mjs";
import { judgeHost } from "../../hosts/storm-verdict.mjs";

const SEED = 7;
const MAIN = "agent:main:parall:default-usr_agent";
const isSilent = (number) => plan(SEED, number).kind === "silent";
const numbers = Array.from({ length: 100 }, (_, number) => number);
const [FIRST, SECOND] = numbers.filter((number) => !isSilent(number));
const SILENT = numbers.find(isSilent);

const dispatch = (number, status) => ["dispatches", `dsp_${number}`, { id: `dsp_${number}`, source_id: `msg_${number}`, status }];
const message = (id, text, { chat = "cht_1", thread = null, sender = "usr_agent" } = {}) => [
  "messages",
  id,
  { id, chat_id: chat, sender_id: sender, content: { text }, thread_root_id: thread },
];
const ask = (number) => [message(`msg_${number}`, `question ${number} [[slow:1]]`, { sender: "usr_ada" }), dispatch(number, "pending")];
let said = 0;
const say = (number, place) => {
  said += 1;
  return message(`msg_said${said}`, `answer ${number} part 0 of request-${said}`, place);
};
const done = (number) => dispatch(number, "acked");
const asked = [...ask(FIRST), ...ask(SECOND)];
const answered = (number, place) => [say(number, place), done(number)];

const GOOD = {
  state: [...asked, ...answered(FIRST), ...answered(SECOND)],
  entries: { [MAIN]: { sessionFile: "main.jsonl" } },
  transcript: [
    { type: "session", id: "a" },
    { id: "b", parentId: null },
    { id: "c", parentId: "b" },
  ],
  files: ["main.jsonl", "sessions.json"],
  journal: ["default.sqlite", "default.lock"],
  dead: [],
  forks: [],
  history: [{ role: "assistant", text: "answer 0 part 0 of request-1" }],
};

/** The names under which the judge finds something in a storm that differs from the good one. */
async function findings(t, difference) {
  const { state, entries, transcript, files, journal, dead, forks, history } = { ...GOOD, ...difference };
  const folder = await mkdtemp(join(tmpdir(), "parall-verdict-"));
  t.after(() => rm(folder, { recursive: true }));
  const sessions = join(folder, "agents", "main", "sessions");
  for (const name of [sessions, join(folder, "parall")]) mkdirSync(name, { recursive: true });
  for (const name of files) writeFileSync(join(sessions, name), "");
  for (const name of journal) writeFileSync(join(folder, "parall", name), "");
  writeFileSync(join(sessions, "sessions.json"), JSON.stringify(entries));
  writeFileSync(join(sessions, "main.jsonl"), transcript.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const stateFile = join(folder, "server.jsonl");
  writeFileSync(stateFile, state.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const messages = state.filter(([collection]) => collection === "messages").map(([, , record]) => record);
  const scene = {
    stateFile,
    parall: { messages: () => messages, store: { comments: new Map() } },
    people: { agent: { id: "usr_agent" } },
    host: { stateDir: folder },
    model: { requests: [{ user: "question 99", messages: history }] },
  };
  // Numbers that nobody asks are missing on purpose: only the two count.
  const found = await judgeHost(scene, { seed: SEED, asked: 0, dead, forks });
  return Object.entries(found)
    .filter(([, sentences]) => sentences.length > 0)
    .map(([name]) => name);
}

const cases = {
  "a storm without harm": [{}, []],
  "a question that stays open": [{ state: [...asked, ...answered(FIRST), say(SECOND)] }, ["lost"]],
  "a question without an answer": [{ state: [...asked, ...answered(FIRST), done(SECOND)] }, ["lost"]],
  "an answer where there should be none": [{ state: [...GOOD.state, ...ask(SILENT), ...answered(SILENT)] }, ["lost"]],
  "a second answer": [{ state: [...asked, say(FIRST), ...answered(FIRST), ...answered(SECOND)] }, ["doubled"]],
  "an answer in another chat": [{ state: [...asked, ...answered(FIRST), ...answered(SECOND, { chat: "cht_2" })] }, ["misplaced"]],
  "an answer in another thread": [{ state: [...asked, ...answered(FIRST), ...answered(SECOND, { thread: "msg_0" })] }, ["misplaced"]],
  "answers in the wrong order": [{ state: [...asked, ...answered(SECOND), ...answered(FIRST)] }, ["disordered"]],
  "a late answer to a dead letter": [{ state: [...asked, ...answered(SECOND), ...answered(FIRST)], dead: [`dsp_${FIRST}`] }, []],
  "an acknowledgement before its answer": [{ state: [...asked, ...answered(FIRST), done(SECOND), say(SECOND)] }, ["early"]],
  "words that nobody asked for": [{ state: [...GOOD.state, message("msg_x", "I'm continuing your request.")] }, ["strange"]],
  "a fork in the journal": [{ forks: [{ sessionKey: "fork" }] }, ["orphans"]],
  "a fork in the store": [{ entries: { ...GOOD.entries, [`${MAIN}:fork:1`]: { sessionFile: "main.jsonl" } } }, ["orphans"]],
  "a transcript of no session": [{ files: [...GOOD.files, "fork.jsonl"] }, ["orphans"]],
  "a lock beside a transcript": [{ files: [...GOOD.files, "main.jsonl.lock"] }, ["orphans"]],
  "a temporary file of ours beside the store": [{ files: [...GOOD.files, ".sessions.json.parall-1.tmp"] }, ["orphans"]],
  "a temporary file of the host's": [{ files: [...GOOD.files, "sessions.json.48683983-7682-4f82-ac74-fa35c991446d.tmp"] }, []],
  "a temporary file beside the journal": [{ journal: [...GOOD.journal, ".default.sqlite.parall-1.tmp"] }, ["leftovers"]],
  "a transcript with a gap": [{ transcript: [...GOOD.transcript, { id: "e", parentId: "d" }] }, ["broken"]],
  "a main session that forgot everything": [{ history: [] }, ["forgotten"]],
};
for (const [what, [difference, expected]] of Object.entries(cases))
  test(`the judge sees ${what}`, async (t) => {
    assert.deepEqual(await findings(t, difference), expected);
  });
