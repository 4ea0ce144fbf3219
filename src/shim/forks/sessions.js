/**
 * Forks on hosts that keep sessions in a database: forks are written by the host's session calls. Reading is all that happens
 * to the parent.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import { contextBudget } from "./budget.js";
import { readContext } from "./context.js";
import { forkId, forkKey } from "./key.js";

/** @param {import("./fork.js").ForkPlace & { calls: SessionCalls }} place */
export async function create(place) {
  const { calls, agentId, storePath, parentSessionKey } = place;
  const scope = { agentId, storePath };
  const parent = calls.getEntry({ ...scope, sessionKey: parentSessionKey });
  if (!parent?.sessionId) return { reason: "no-history" };
  const budget = contextBudget({ ...place, entry: parent });
  const { found, fallback } = await readContext(place, { sessionId: parent.sessionId, budget });
  if (found.batches.length === 0) return { reason: "no-history", fallback };
  const sessionId = randomUUID();
  const fork = { sessionKey: forkKey(parentSessionKey, sessionId), sessionId };
  await calls.upsertEntry({ ...scope, sessionKey: fork.sessionKey, entry: entryOf({ parent, parentSessionKey, sessionId, found }) });
  try {
    await append(place, fork, found.batches);
  } catch (error) {
    await remove({ ...place, fork }).catch(() => {});
    throw error;
  }
  return { fork, leftOut: found.leftOut, fallback };
}

/** @param {import("./fork.js").ForkPlace & { calls: SessionCalls, fork: import("./fork.js").Fork }} place */
export async function remove({ calls, agentId, storePath, parentSessionKey, fork }) {
  await calls.deleteEntry({ agentId, storePath, parentSessionKey, ...fork });
}

/**
 * The entry is written before the transcript and both are removed at once, so a fork without an entry does not exist.
 *
 * @param {import("./fork.js").ForkPlace & { calls: SessionCalls }} place
 */
export async function findLeftovers({ calls, agentId, storePath, parentSessionKey }) {
  const entries = calls.listEntries({ agentId, storePath });
  return entries.flatMap(({ sessionKey, entry }) => {
    const sessionId = entry.forkedFromParent === true ? forkId(parentSessionKey, sessionKey) : undefined;
    return sessionId === undefined ? [] : [{ sessionKey, sessionId }];
  });
}

/**
 * `forkedFromParent` keeps the host from forking by itself. `spawnDepth: 0` says that the fork is no sub-agent: it may do all
 * that its parent may.
 */
function entryOf({ parent, parentSessionKey, sessionId, found }) {
  const now = Date.now();
  return {
    sessionId,
    updatedAt: now,
    sessionStartedAt: now,
    forkedFromParent: true,
    forkSource: { sessionKey: parentSessionKey, sessionId: parent.sessionId, entryId: found.lastEntryId },
    parentSessionKey,
    spawnedBy: parentSessionKey,
    spawnDepth: 0,
  };
}

/** One batch at a time, so that the gateway continues in between. */
async function append({ calls, cfg, agentId, storePath }, { sessionKey, sessionId }, batches) {
  for (const batch of batches) {
    const messages = JSON.parse(batch).map((message) => ({ message }));
    await calls.appendMessages({ config: cfg, agentId, storePath, sessionKey, sessionId, messages });
    await breathe();
  }
}
