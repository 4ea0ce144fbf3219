/**
 * Forks on hosts that keep sessions in files: the native part copies the transcript; the entry in the session store is written
 * by the host where it has a function for that, and under the host's own lock by the native part where it has not.
 */
import { access, rm } from "node:fs/promises";
import path from "node:path";
import { native } from "../native.js";
import { contextBudget } from "./budget.js";
import { forkKey } from "./key.js";

/** What newer hosts write about a session, beside its transcript. */
const BESIDE = [".trajectory.jsonl", ".trajectory-path.json"];

/** @param {import("./fork.js").ForkPlace} place */
export async function create(place) {
  const { folder, update } = storeOf(place);
  const text = await native().readSessionEntry(folder.storeFile, place.parentSessionKey);
  if (!text) return { reason: "no-history" };
  const made = await native().forkOrchestratorSession({
    ...folder,
    orchestratorSessionKey: place.parentSessionKey,
    accountId: place.accountId,
    history: "context",
    tokenBudget: contextBudget({ ...place, entry: JSON.parse(text) }),
    registerEntry: update === undefined,
  });
  if (!made) return { reason: "no-history" };
  const fork = { sessionKey: made.sessionKey, sessionId: made.sessionId, sessionFile: made.sessionFile };
  if (update) await register({ folder, update, fork, entry: JSON.parse(made.entry) });
  return { fork, leftOut: made.leftOut };
}

/** @param {import("./fork.js").ForkPlace & { fork: import("./fork.js").Fork }} place */
export async function remove(place) {
  const { folder, update } = storeOf(place);
  const { sessionKey, sessionFile } = place.fork;
  if (update) await update(folder.storeFile, (store) => deleteKey(store, sessionKey));
  else if (!sessionFile) await native().deleteSessionEntry(folder.storeFile, sessionKey);
  if (!sessionFile) return;
  await native().cleanupForkSession({ ...folder, sessionKey, sessionFile, removeEntry: update === undefined });
  const stem = path.resolve(folder.sessionsDir, sessionFile).slice(0, -".jsonl".length);
  await Promise.all(BESIDE.map((end) => rm(`${stem}${end}`, { force: true })));
}

/**
 * An entry and a transcript with the same id are one fork; either may be alone.
 *
 * @param {import("./fork.js").ForkPlace} place
 */
export async function findLeftovers(place) {
  const { folder } = storeOf(place);
  // A host that has not had a session yet has no folder for them.
  if (!(await exists(folder.sessionsDir))) return [];
  const owner = { orchestratorSessionKey: place.parentSessionKey, accountId: place.accountId };
  const { sessionKeys, sessionFiles } = await native().findForkLeftovers({ ...folder, ...owner });
  const files = new Map(sessionFiles.map((file) => [path.basename(file, ".jsonl").split("_").at(-1), file]));
  const ids = new Set([...sessionKeys.map((key) => key.split(":").at(-1)), ...files.keys()]);
  return [...ids].map((sessionId) => ({
    sessionKey: forkKey(place.parentSessionKey, sessionId),
    sessionId,
    ...(files.has(sessionId) ? { sessionFile: files.get(sessionId) } : {}),
  }));
}

/** An entry that cannot be written leaves no transcript behind. */
async function register({ folder, update, fork, entry }) {
  try {
    await update(folder.storeFile, (store) => {
      store[fork.sessionKey] = entry;
    });
  } catch (error) {
    await native().cleanupForkSession({ ...folder, sessionKey: fork.sessionKey, sessionFile: fork.sessionFile, removeEntry: false });
    throw error;
  }
}

function storeOf({ runtime, storePath }) {
  const update = runtime.agent.session.updateSessionStore;
  return {
    folder: { sessionsDir: path.dirname(storePath), storeFile: storePath },
    update: typeof update === "function" ? update : undefined,
  };
}

/** Whether something is there; what cannot be looked at may be. */
const exists = (file) =>
  access(file).then(
    () => true,
    ({ code }) => code !== "ENOENT",
  );

/** Keys are lower case in a store, but older releases left others. */
function deleteKey(store, sessionKey) {
  for (const key of Object.keys(store)) if (key.trim().toLowerCase() === sessionKey) delete store[key];
}
