/** What a storm must not have done. Every finding is a sentence that names the question; without findings all is well. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readLedger } from "./ledger.mjs";
import { plan } from "./script.mjs";

/**
 * @param {{ folder: string, stateFile: string, seed: number, dispatches: number, dead: number }} storm `dead`: how many dead letters
 *   the account counts
 */
export async function judge({ folder, stateFile, seed, dispatches, dead }) {
  const questions = await readLedger(stateFile);
  const turns = readDiary(join(folder, "host.jsonl"));
  const open = [...questions].filter(([, question]) => question.acknowledgedAt === undefined);
  return {
    lost: [...lost(questions, dispatches), ...unaccounted(open, turns, dead, seed)],
    doubled: doubled(questions, (number, turn, parts) => isComplete(plan(seed, number), turn, parts)),
    wrong: [...questions].flatMap(([number, question]) => wrong(number, question, plan(seed, number))),
    disordered: disordered(questions),
    early: early(questions),
    orphans: readdirSync(join(folder, "forks")),
    toldAgain: toldAgain(questions, turns, seed),
    sessions: [...turns.values()].filter((turn) => turn.overlaps || turn.gone).map((turn) => `${turn.turn} in ${turn.session}`),
    counts: { dispatches: questions.size, dead, turns: turns.size, forked: countForked(turns) },
  };
}

/** The turns that the host was asked to run, by id; `ended` when the host did all of it. A line that the kill cut off is left out. */
function readDiary(file) {
  const turns = new Map();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (!line.endsWith("}")) continue;
    const entry = JSON.parse(line);
    turns.set(entry.turn, { ...turns.get(entry.turn), ...entry });
  }
  return turns;
}

/** Each question was asked. */
export function lost(questions, dispatches) {
  const missing = Array.from({ length: dispatches }, (_, number) => number).filter((number) => !questions.has(number));
  return missing.map((number) => `question ${number} was never asked`);
}

/** Only a dead letter may stay unacknowledged: one that was tried five times and has no whole answer. */
function unaccounted(open, turns, dead, seed) {
  const attempts = (number) => [...turns.values()].filter((turn) => turn.number === number).length;
  const findings = open
    .filter(([number, question]) => completeTurns(number, question.parts, seed).length > 0 || attempts(number) < 5)
    .map(([number, question]) => `question ${number} (${question.dispatch}) is open after ${attempts(number)} turns`);
  return open.length === dead ? findings : [...findings, `${open.length} are open, ${dead} are dead letters`];
}

/** Whether the parts of a turn are a whole answer. What was said before an error or a kill is none, and its question runs again. */
const isComplete = ({ parts: planned }, turn, parts) => parts.some((part) => part.turn === turn && part.part === planned - 1);

/** The turns that gave a whole answer. */
function completeTurns(number, parts, seed) {
  return [...new Set(parts.map((part) => part.turn))].filter((turn) => isComplete(plan(seed, number), turn, parts));
}

/**
 * One turn answers, and says each part once.
 *
 * @param {(number: number, turn: string, parts: object[]) => boolean} [answers] whether what a turn said is an answer
 */
export function doubled(questions, answers = () => true) {
  return [...questions].flatMap(([number, { parts }]) => {
    const turns = [...new Set(parts.map((part) => part.turn))].filter((turn) => answers(number, turn, parts));
    const distinct = new Set(parts.map((part) => `${part.turn} ${part.part}`));
    const findings = [];
    if (turns.length > 1) findings.push(`question ${number} was answered by ${turns.join(" and ")}`);
    if (distinct.size < parts.length) findings.push(`question ${number} has a part twice`);
    return findings;
  });
}

/** The parts that must be there: all of the turn that answered, the first ones of those before it, none of a silent one. */
function wrong(number, { parts, place, acknowledgedAt }, { kind, parts: planned }) {
  if (acknowledgedAt === undefined) return [];
  const byTurn = [...new Set(parts.map((part) => part.turn))].map((turn) => parts.filter((part) => part.turn === turn));
  const isGapless = byTurn.every((said) => said.every((part, place) => part.part === place));
  const isWhole = kind === "silent" ? parts.length === 0 : byTurn.at(-1)?.length === planned;
  const findings = isGapless && isWhole ? [] : [`question ${number} has the parts [${parts.map((part) => part.part)}] of ${planned}`];
  if (parts.some((part) => part.where !== place)) findings.push(`question ${number} was answered in another place`);
  return findings;
}

/** Within a chat or task all answers are in the order of their questions. */
export function disordered(questions) {
  const answered = Map.groupBy?.([...questions], ([, question]) => question.place) ?? group([...questions]);
  return [...answered].flatMap(([place, asked]) => {
    const times = asked.flatMap(([, question]) => question.parts.map((part) => part.at));
    const late = times.findIndex((time, index) => index > 0 && time < times[index - 1]);
    return late < 0 ? [] : [`the answers in ${place} are out of order at part ${late}`];
  });
}

function group(questions) {
  const groups = new Map();
  for (const entry of questions) groups.set(entry[1].place, [...(groups.get(entry[1].place) ?? []), entry]);
  return groups;
}

/** No answer came after its question was acknowledged. */
export function early(questions) {
  return [...questions]
    .filter(([, { parts, acknowledgedAt }]) => parts.some((part) => part.at > (acknowledgedAt ?? Number.POSITIVE_INFINITY)))
    .map(([number]) => `question ${number} was acknowledged before its answer`);
}

/** What a fork answered is reported to main once. A turn without a whole answer was run again and does not count. */
function toldAgain(questions, turns, seed) {
  const visible = new Set([...questions].flatMap(([number, { parts }]) => completeTurns(number, parts, seed)));
  const reported = [...turns.values()].filter((turn) => visible.has(turn.turn)).flatMap((turn) => turn.reported);
  return [...new Set(reported.filter((number, index) => reported.indexOf(number) !== index))].map(
    (number) => `question ${number} was reported to main again`,
  );
}

function countForked(turns) {
  return [...turns.values()].filter((turn) => turn.session.includes(":fork:")).length;
}
