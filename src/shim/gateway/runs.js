/**
 * The runs of the host. They belong to an account and not to one start of it: after a hot reload the account's next start takes
 * over what still runs, so that no event runs twice and no tool either. A run that nobody takes over in time is called off.
 */
import { shared } from "../state.js";

/** How long a run waits for the next start of its account, and how long its outcome is kept. */
const NEXT_START_MS = 10_000;
/** How many outcomes are kept. An account has a handful of runs at once, so the next start asks for the newest few. */
const MOST_ENDED = 1_000;
const CALLED_OFF = "the turn was called off";

/**
 * @typedef {object} Run
 * @property {string} id of the turn
 * @property {string} accountId
 * @property {string} sessionKey
 * @property {string} target
 * @property {AbortController} controller calls it off
 * @property {Promise<object>} outcome
 * @property {Promise<unknown>} delivered the part that was handed over last
 * @property {NodeJS.Timeout} [forgotten] when its outcome is; a run that has ended has this
 */

/**
 * Runs a turn. What `body` rejects with is part of the outcome, as is that it was called off.
 *
 * @param {string} accountId
 * @param {{ id: string, sessionKey: string, target: string }} turn
 * @param {(signal: AbortSignal, outcome: { started: boolean }) => Promise<void>} body
 * @returns {Promise<{ started: boolean, error?: string, isCalledOff?: boolean }>}
 */
export function startRun(accountId, { id, sessionKey, target }, body) {
  const { runs, currentRun } = shared();
  const run = { id, accountId, sessionKey, target, controller: new AbortController(), delivered: Promise.resolve() };
  runs.set(id, run);
  run.outcome = currentRun.run(id, () => perform(run.controller.signal, body));
  run.outcome.then(() => keepOutcome(run));
  return run.outcome;
}

/** Whoever asked for the outcome may be gone before it knows. A function of its own: its timer keeps nothing of the turn. */
function keepOutcome(run) {
  const { runs, ended } = shared();
  if (!runs.has(run.id)) return;
  run.forgotten = later(() => forget(run.id));
  ended.add(run.id);
  if (ended.size > MOST_ENDED) forget(ended.values().next().value);
}

function forget(id) {
  const { runs, ended } = shared();
  clearTimeout(runs.get(id)?.forgotten);
  runs.delete(id);
  ended.delete(id);
}

async function perform(signal, body) {
  const outcome = { started: false };
  try {
    await body(signal, outcome);
  } catch (error) {
    outcome.error = error instanceof Error ? error.message : String(error);
  }
  return signal.aborted ? { ...outcome, error: CALLED_OFF, isCalledOff: true } : outcome;
}

/** The turn from whose run this is called, also far below the host's own functions. */
export const currentTurn = () => shared().currentRun.getStore();

/** What a start of an account finds of those before it. */
export function earlierRuns(accountId) {
  return runsOf(accountId).map(({ id, sessionKey, target }) => ({ id, sessionKey, target }));
}

/** Resolves when a run has ended. */
export async function followTurn(id) {
  const run = shared().runs.get(id);
  if (!run) return { started: false, error: "the turn is gone", isCalledOff: true };
  const outcome = await run.outcome;
  forget(id);
  return outcome;
}

/** Calls a run off. What it delivers from now on is refused. */
export function callOff(id) {
  shared().runs.get(id)?.controller.abort();
}

/**
 * Delivers a part of a turn's answer through whichever start serves the account now, or next. The parts of a turn keep their
 * order.
 */
export function deliverPart(id, part) {
  const run = shared().runs.get(id);
  if (!run) return Promise.reject(new Error(`no run of turn ${id} is known`));
  const delivered = run.delivered.then(() => deliver(run, part));
  run.delivered = delivered.catch(() => {});
  return delivered;
}

async function deliver(run, part) {
  const { signal } = run.controller;
  let refusing;
  for (;;) {
    if (signal.aborted) throw new Error(CALLED_OFF);
    const gateway = shared().accounts.get(run.accountId)?.gateway;
    if (!gateway || gateway === refusing) {
      await nextStart(run);
      continue;
    }
    try {
      return await gateway.deliver(run.id, part);
    } catch (error) {
      // Nothing is noted of the part: it may be delivered once more.
      if (error.code !== "PARALL_CLOSED") throw error;
      refusing = gateway;
    }
  }
}

/** Waits for the next start of a run's account; calls the run off when there is none in time. */
function nextStart(run) {
  const { waiting } = shared();
  const { signal } = run.controller;
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      waiting.delete(wake);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const wake = (accountId) => accountId === run.accountId && end();
    const timer = later(() => run.controller.abort());
    waiting.add(wake);
    signal.addEventListener("abort", end);
  });
}

/** An account serves. */
export function announceStart(accountId) {
  for (const wake of [...shared().waiting]) wake(accountId);
}

/** An account ends. What runs is called off unless the account starts again soon. */
export function announceEnd(accountId) {
  const { waiting } = shared();
  const started = (id) => {
    if (id !== accountId) return;
    clearTimeout(timer);
    waiting.delete(started);
  };
  const timer = later(() => {
    waiting.delete(started);
    for (const run of runsOf(accountId)) run.controller.abort();
  });
  waiting.add(started);
}

const runsOf = (accountId) => [...shared().runs.values()].filter((run) => run.accountId === accountId);
/** Holds up no process that wants to end. */
const later = (call) => setTimeout(call, NEXT_START_MS).unref();
