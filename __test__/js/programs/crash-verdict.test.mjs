/** The judge of a storm finds each way in which a storm can go wrong, and nothing where all went well. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { answer, plan, question } from "../../crash/script.mjs";
import { judge } from "../../crash/verdict.mjs";

const SEED = 7;
/** Two questions that are answered in two parts. */
const [FIRST, SECOND] = Array.from({ length: 100 }, (_, number) => number).filter((number) => {
  const { kind, parts } = plan(SEED, number);
  return kind === "answers" && parts === 2;
});

const ask = (number, chat = "cht_1") => [
  ["messages", `msg_${number}`, { id: `msg_${number}`, chat_id: chat, content: { text: question(number) } }],
  dispatch(number, "pending"),
];
const dispatch = (number, status) => ["dispatches", `dsp_${number}`, { id: `dsp_${number}`, source_id: `msg_${number}`, status }];
const say = (number, part, turn = `turn-${number}`, chat = "cht_1") => [
  "messages",
  `msg_${number}_${part}_${turn}`,
  { id: `msg_${number}_${part}_${turn}`, chat_id: chat, sender_id: "usr_agent", content: { text: answer(number, part, turn) } },
];
const answered = (number) => [say(number, 0), say(number, 1), dispatch(number, "acked")];
const turn = (number, more) => ({ turn: `turn-${number}`, number, session: "main", reported: [], overlaps: false, gone: false, ...more });
const ended = (number) => ({ turn: `turn-${number}`, ended: true });

const GOOD = {
  state: [...ask(FIRST), ...ask(SECOND), ...answered(FIRST), ...answered(SECOND)],
  diary: [turn(FIRST), ended(FIRST), turn(SECOND), ended(SECOND)],
  forks: [],
  dead: 0,
};

/** What the judge finds in a storm that differs from the good one, without the names under which it found nothing. */
async function findings(t, difference) {
  const { state, diary, forks, dead } = { ...GOOD, ...difference };
  const folder = await mkdtemp(join(tmpdir(), "parall-verdict-"));
  t.after(() => rm(folder, { recursive: true }));
  const stateFile = join(folder, "server.jsonl");
  writeFileSync(stateFile, state.map((line) => `${JSON.stringify(line)}\n`).join(""));
  writeFileSync(join(folder, "host.jsonl"), diary.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  mkdirSync(join(folder, "forks"));
  for (const fork of forks) writeFileSync(join(folder, "forks", fork), "");
  // Numbers that nobody asks are missing on purpose: only the two count.
  const { counts, lost, ...others } = await judge({ folder, stateFile, seed: SEED, dispatches: 0, dead });
  return Object.entries({ lost, ...others })
    .filter(([, found]) => found.length > 0)
    .map(([name]) => name);
}

const asked = [...ask(FIRST), ...ask(SECOND)];
for (const [what, difference, expected] of [
  ["a storm without harm", {}, []],
  ["a question that stays open", { state: [...asked, ...answered(FIRST)] }, ["lost"]],
  ["a dead letter that was not tried five times", { state: [...asked, ...answered(FIRST)], dead: 1 }, ["lost"]],
  [
    "a dead letter that was",
    {
      state: [...asked, ...answered(FIRST)],
      dead: 1,
      diary: Array.from({ length: 5 }, (_, one) => turn(SECOND, { turn: `turn-x${one}` })),
    },
    [],
  ],
  [
    "an answer that is in the chat twice",
    { state: [...GOOD.state, say(SECOND, 0, "turn-again"), say(SECOND, 1, "turn-again")] },
    ["doubled", "early"],
  ],
  [
    "nothing wrong in the beginning of an answer that a kill cut off",
    { state: [...asked, say(FIRST, 0, "turn-killed"), ...answered(FIRST), ...answered(SECOND)] },
    [],
  ],
  ["a part that is in the chat twice", { state: [...asked, say(FIRST, 0), ...answered(FIRST), ...answered(SECOND)] }, ["doubled", "wrong"]],
  [
    "a part that is missing after a turn that ended",
    { state: [...asked, say(FIRST, 0), dispatch(FIRST, "acked"), ...answered(SECOND)] },
    ["wrong"],
  ],
  [
    "a part that is missing although the turn was killed",
    { state: [...asked, say(FIRST, 0), dispatch(FIRST, "acked"), ...answered(SECOND)], diary: [turn(FIRST), turn(SECOND), ended(SECOND)] },
    ["wrong"],
  ],
  ["no answer at all", { state: [...asked, dispatch(FIRST, "acked"), ...answered(SECOND)] }, ["wrong"]],
  [
    "an answer in another chat",
    { state: [...asked, say(FIRST, 0), say(FIRST, 1, `turn-${FIRST}`, "cht_2"), dispatch(FIRST, "acked"), ...answered(SECOND)] },
    ["wrong"],
  ],
  ["answers in the wrong order", { state: [...asked, ...answered(SECOND), ...answered(FIRST)] }, ["disordered"]],
  [
    "an acknowledgement before its answer",
    { state: [...asked, say(FIRST, 0), dispatch(FIRST, "acked"), say(FIRST, 1), ...answered(SECOND)] },
    ["early"],
  ],
  ["a fork that is left over", { forks: ["fork"] }, ["orphans"]],
  [
    "a result that is reported twice",
    { diary: [turn(FIRST, { reported: [3] }), ended(FIRST), turn(SECOND, { reported: [3] }), ended(SECOND)] },
    ["toldAgain"],
  ],
  [
    "a turn beside another in its session",
    { diary: [turn(FIRST), ended(FIRST), turn(SECOND, { overlaps: true }), ended(SECOND)] },
    ["sessions"],
  ],
  ["a turn in a fork that is gone", { diary: [turn(FIRST), ended(FIRST), turn(SECOND, { gone: true }), ended(SECOND)] }, ["sessions"]],
])
  test(`the judge sees ${what}`, async (t) => {
    assert.deepEqual((await findings(t, difference)).toSorted(), expected);
  });
