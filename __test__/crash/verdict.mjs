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
    lost: [...lost(questions, dispatches), ...unaccounted(open, turns, dead)],
    doubled: doubled(questions),
    wrong: [...questions].flatMap(([number, question]) => wrong(number, question, plan(seed, number), turns)),
    disordered: disordered(questions),
    early: early(questions),
    orphans: readdirSync(join(folder, "forks")),
    toldAgain: toldAgain(questions, turns),
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

/** Only a dead letter may stay unacknowledged: one that was tried five times and says nothing. */
function unaccounted(open, turns, dead) {
  const attempts = (number) => [...turns.values()].filter((turn) => turn.number === number).length;
  const findings = open
    .filter(([number, question]) => question.parts.length > 0 || attempts(number) < 5)
    .map(([number, question]) => `question ${number} (${question.dispatch}) is open after ${attempts(number)} turns`);
  return open.length === dead ? findings : [...findings, `${open.length} are open, ${dead} are dead letters`];
}

/** Each part at most once, and all of one turn: with another turn's words the answer would be there twice. */
export function doubled(questions) {
  return [...questions].flatMap(([number, { parts }]) => {
    const turns = new Set(parts.map((part) => part.turn));
    const distinct = new Set(parts.map((part) => part.part));
    const findings = [];
    if (turns.size > 1) findings.push(`question ${number} was answered by ${[...turns].join(" and ")}`);
    if (turns.size <= 1 && distinct.size < parts.length) findings.push(`question ${number} has a part twice`);
    return findings;
  });
}

/** The parts that must be there: all of a turn that ended, at least the first of one that was killed, none of a silent one. */
function wrong(number, { parts, place, acknowledgedAt }, { kind, parts: planned }, turns) {
  if (acknowledgedAt === undefined) return [];
  const said = parts.map((part) => part.part).join();
  const expected = Array.from({ length: kind === "silent" ? 0 : kind === "breaks off" ? 1 : planned }, (_, part) => part);
  const ended = parts.some((part) => turns.get(part.turn)?.ended);
  const allowed = expected.map((_, part) => expected.slice(0, part + 1).join()).slice(ended ? -1 : 0);
  const findings = (allowed.length > 0 ? allowed : [""]).includes(said)
    ? []
    : [`question ${number} has the parts [${said}] of [${expected.join()}]`];
  if (parts.some((part) => part.where !== place)) findings.push(`question ${number} was answered in another place`);
  return findings;
}

/** Within a chat or task all answers stand in the order of their questions. */
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

/** What a fork answered is told to main once. A turn of which nothing stands in the chat was run again and does not count. */
function toldAgain(questions, turns) {
  const visible = new Set([...questions.values()].flatMap((question) => question.parts.map((part) => part.turn)));
  const told = [...turns.values()].filter((turn) => visible.has(turn.turn)).flatMap((turn) => turn.told);
  return [...new Set(told.filter((number, index) => told.indexOf(number) !== index))].map(
    (number) => `question ${number} was told to main again`,
  );
}

function countForked(turns) {
  return [...turns.values()].filter((turn) => turn.session.includes(":fork:")).length;
}
