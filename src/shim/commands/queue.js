/**
 * `openclaw parall queue` and `openclaw parall forks`: a look into the journal, and an operator's decisions about dead letters.
 *
 * The commands run beside the gateway. It looks into the journal every second and does there what was decided here.
 */
import { dropDispatch, listForks, listQueue, retryDispatch } from "../native.js";
import { age, attempt, place, table } from "./output.js";

/** States of the journal in words for people. */
const STATES = {
  claimed: "waiting",
  adopted: "running",
  failed: "trying again",
  answered: "finishing",
  no_reply: "finishing",
  dead: "DEAD",
  creating: "being made",
};

const SOON = "a running gateway does so within two seconds, otherwise the next start does";

/**
 * @param {(line: string) => void} print
 * @param {{ limit?: string | number, json?: boolean }} [options]
 */
export async function showQueue(print, { limit, json } = {}) {
  await attempt(print, json, async () => {
    const queue = await listQueue({ ...place(), limit: countOf(limit) });
    if (json) return print(JSON.stringify(queue));
    for (const line of describeQueue(queue)) print(line);
  });
}

function countOf(limit) {
  const count = limit === undefined ? undefined : Number(limit);
  if (count === undefined || (Number.isInteger(count) && count > 0)) return count;
  throw Object.assign(new Error("--limit must be a whole number above zero"), { code: "PARALL_LIMIT" });
}

/**
 * @param {(line: string) => void} print
 * @param {{ json?: boolean }} [options]
 */
export async function showForks(print, { json } = {}) {
  await attempt(print, json, async () => {
    const forks = await listForks(place());
    if (json) return print(JSON.stringify({ forks }));
    for (const line of describeForks(forks)) print(line);
  });
}

export async function tryAgain(print, id, { json } = {}) {
  await attempt(print, json, async () => {
    await retryDispatch(place(), id);
    print(json ? JSON.stringify({ retried: id }) : `${id} is to be tried again: ${SOON}.`);
  });
}

export async function dropLetter(print, id, { json } = {}) {
  await attempt(print, json, async () => {
    await dropDispatch(place(), id);
    print(json ? JSON.stringify({ dropped: id }) : `${id} is dropped; it is to be acknowledged to Parall: ${SOON}.`);
  });
}

/** A queue, line by line. */
export function describeQueue({ waiting, running, finishing, dead, dispatches }, now = Date.now()) {
  const total = waiting + running + finishing + dead;
  if (total === 0) return ["Nothing waits, nothing runs, nothing failed."];
  const rows = dispatches.map((one) => [
    one.id,
    STATES[one.state] ?? one.state,
    age(one.claimedAt, now),
    one.attempts,
    one.target ?? one.sourceId,
    one.cause,
  ]);
  const lines = [
    `${waiting} waiting, ${running} running, ${finishing} finishing, ${dead} dead`,
    "",
    ...table(["ID", "STATE", "AGE", "ATTEMPTS", "TARGET", "CAUSE"], rows),
  ];
  if (total > rows.length) lines.push(`... and ${total - rows.length} more; --limit shows them`);
  if (dead > 0) lines.push("", "Dead letters wait for you: `openclaw parall queue retry <id>` or `openclaw parall queue drop <id>`.");
  return lines;
}

/** Forks, line by line. */
export function describeForks(forks, now = Date.now()) {
  if (forks.length === 0) return ["There are no forks."];
  const rows = forks.map((fork) => [fork.target, forkState(fork.state), age(fork.createdAt, now), fork.sessionKey]);
  return table(["TARGET", "STATE", "AGE", "SESSION"], rows);
}

const forkState = (state) => (state === "answered" ? "to be removed" : (STATES[state] ?? state));
