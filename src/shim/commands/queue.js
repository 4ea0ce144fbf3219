/**
 * `openclaw parall queue` and `openclaw parall forks`: a look into the journal, and an operator's decisions about dead letters.
 *
 * The commands run beside the gateway. It looks into the journal every second and does there what was decided here.
 */
import { DEFAULT_ACCOUNT } from "../channel/account.js";
import { configPlace } from "../channel/config-place.js";
import { dropDispatch, listForks, listQueue, retryDispatch } from "../native.js";
import { shared } from "../state.js";
import { age, fail, table } from "./output.js";

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

/** What an operator can do about an error, by its code. */
const ADVICE = {
  PARALL_JOURNAL_MISSING: "the account has not run with this state directory yet",
  PARALL_JOURNAL_VERSION: "the gateway that wrote it is of another version than this command: restart it after an update",
  PARALL_JOURNAL_UNKNOWN: "`openclaw parall queue list` shows the ids",
  PARALL_JOURNAL_ORDER: "only a dead letter can be dropped, and only what failed can be tried again",
  PARALL_JOURNAL_CORRUPT: "the gateway sets it aside at its next start and begins a new one",
};

const SOON = "a running gateway does so within two seconds, otherwise the next start does";

/**
 * @param {(line: string) => void} print
 * @param {string | number} [limit]
 */
export async function showQueue(print, limit) {
  const count = limit === undefined ? undefined : Number(limit);
  if (count !== undefined && !(Number.isInteger(count) && count > 0)) return fail(print, "--limit must be a whole number above zero");
  await attempt(print, async () => {
    const queue = await listQueue({ ...place(), limit: count });
    for (const line of describeQueue(queue)) print(line);
  });
}

/** @param {(line: string) => void} print */
export async function showForks(print) {
  await attempt(print, async () => {
    for (const line of describeForks(await listForks(place()))) print(line);
  });
}

export async function tryAgain(print, id) {
  await attempt(print, async () => {
    await retryDispatch(place(), id);
    print(`${id} is to be tried again: ${SOON}.`);
  });
}

export async function dropLetter(print, id) {
  await attempt(print, async () => {
    await dropDispatch(place(), id);
    print(`${id} is dropped; it is to be acknowledged to Parall: ${SOON}.`);
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

const place = () => ({ stateDir: configPlace(shared().runtime).stateDir, accountId: DEFAULT_ACCOUNT });

async function attempt(print, action) {
  try {
    await action();
  } catch (error) {
    const advice = ADVICE[error.code] ? `; ${ADVICE[error.code]}` : "";
    fail(print, `${error.message}${advice} (${error.code})`);
  }
}
