/**
 * Forks: copies of the agent's session that answer one chat while the session itself is busy in another.
 *
 * Two kinds of hosts, two ways, chosen by what the host offers. On both the fork knows the conversation up to the last completed
 * turn, nothing of the running one, and the parent stays as it is.
 */
import { sessionCalls } from "./calls.js";
import * as files from "./files.js";
import { forkId, normalizeKey } from "./key.js";
import * as sessions from "./sessions.js";

/**
 * @typedef {object} ForkRequest
 * @property {any} runtime the host's `api.runtime`
 * @property {any} channel the host's channel functions
 * @property {any} cfg the host's configuration as it is now
 * @property {string} agentId
 * @property {string} parentSessionKey
 * @property {string} accountId
 *
 * @typedef {ForkRequest & { storePath: string }} ForkPlace
 *
 * @typedef {object} Fork plain data, to be kept in a journal
 * @property {string} sessionKey lower case; what turns are dispatched to
 * @property {string} sessionId
 * @property {string} [sessionFile] absolute, on hosts with files
 *
 * @typedef {object} Backend
 * @property {"files" | "sessions" | "none"} kind
 * @property {string} reason a sentence for people
 */

/** @returns {Promise<Backend>} */
export async function detectForkBackend(runtime, channel) {
  const { kind, reason } = await backendOf(runtime, channel);
  return { kind, reason };
}

/** What the native part says when not even the newest turn leaves the model enough room. */
const OVER_BUDGET = "PARALL_SESSION_OVER_BUDGET";

/**
 * Makes a fork, or says why there is none: `no-history` (no completed turn yet), `over-budget` (not even the newest turn would
 * leave the model enough room; `detail` is a sentence), `no-backend`. What the host refuses is an exception; nothing is left behind.
 *
 * `leftOut` counts messages that the fork does not have because the model would be full; `fallback` is why the host's slow call
 * had to read a database.
 *
 * @param {ForkRequest} request
 * @returns {Promise<{ fork?: Fork, leftOut?: number, fallback?: string, reason?: string, detail?: string }>}
 */
export async function createFork(request) {
  const backend = await backendOf(request.runtime, request.channel);
  if (backend.kind === "none") return { reason: "no-backend" };
  try {
    return await backend.create(placeOf(request, backend));
  } catch (error) {
    if (error.code === OVER_BUDGET) return { reason: "over-budget", detail: error.message };
    throw error;
  }
}

/**
 * Removes a fork's entry and transcript. What is gone already is fine; anything that is no fork of this parent is refused.
 *
 * @param {ForkRequest & { fork: Fork }} request
 */
export async function removeFork(request) {
  const { sessionKey, sessionId } = request.fork;
  if (forkId(normalizeKey(request.parentSessionKey), sessionKey) !== sessionId)
    throw new Error(`Parall: ${sessionKey} is not a fork of ours`);
  const backend = await backendOf(request.runtime, request.channel);
  if (backend.kind === "none") throw new Error(`Parall: the fork ${sessionKey} cannot be removed: ${backend.reason}`);
  await backend.remove({ ...placeOf(request, backend), fork: request.fork });
}

/**
 * The forks of a parent that exist. After a crash, before any is made, these are the ones left over.
 *
 * @param {ForkRequest} request
 * @returns {Promise<Fork[]>}
 */
export async function findLeftoverForks(request) {
  const backend = await backendOf(request.runtime, request.channel);
  return backend.kind === "none" ? [] : backend.findLeftovers(placeOf(request, backend));
}

async function backendOf(runtime, channel) {
  const session = runtime?.agent?.session;
  if (typeof channel?.session?.resolveStorePath !== "function") return none("this OpenClaw does not say where its sessions are");
  if (isFunction(session?.loadSessionStore)) {
    if (isFunction(session.updateSessionStore)) return { ...files, kind: "files", reason: "session files, registered by the host" };
    if (isFunction(session.saveSessionStore)) return { ...files, kind: "files", reason: "session files, registered under the host's lock" };
    return none("this OpenClaw offers no safe way to its session store");
  }
  if (!isFunction(session?.upsertSessionEntry)) return none("this OpenClaw offers no session calls");
  const { calls, missing } = await sessionCalls(runtime);
  if (!calls) return none(`this OpenClaw lacks session calls: ${missing.join(", ")}`);
  return { ...sessions, calls, kind: "sessions", reason: "session database, through the host's calls" };
}

const none = (reason) => ({ kind: "none", reason });

const isFunction = (value) => typeof value === "function";

function placeOf(request, { calls }) {
  const { channel, cfg, agentId } = request;
  const storePath = channel.session.resolveStorePath(cfg?.session?.store, { agentId });
  return { ...request, calls, storePath, parentSessionKey: normalizeKey(request.parentSessionKey) };
}
