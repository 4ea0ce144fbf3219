/**
 * Forks on hosts that keep sessions in a database: everything goes through the host's session calls. Reading is all that happens
 * to the parent.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import { contextBudget } from "./budget.js";
import { selectHistory } from "./history.js";
import { forkId, forkKey } from "./key.js";

/** Messages are handed over in groups of about this many characters, so that the gateway goes on in between. */
const GROUP_CHARACTERS = 128 * 1024;

/** @param {import("./fork.js").ForkPlace & { calls: SessionCalls }} place */
export async function create(place) {
  const { calls, agentId, storePath, parentSessionKey } = place;
  const scope = { agentId, storePath };
  const parent = calls.getEntry({ ...scope, sessionKey: parentSessionKey });
  if (!parent?.sessionId) return { reason: "no-history" };
  const events = await calls.readEvents({ ...scope, sessionKey: parentSessionKey, sessionId: parent.sessionId });
  const history = selectHistory(events);
  if (!history) return { reason: "no-history" };
  const budget = contextBudget({ ...place, entry: parent });
  if (history.tokens > budget) return { reason: "over-budget", tokens: history.tokens, budget };
  const sessionId = randomUUID();
  const fork = { sessionKey: forkKey(parentSessionKey, sessionId), sessionId };
  await calls.upsertEntry({ ...scope, sessionKey: fork.sessionKey, entry: entryOf({ parent, parentSessionKey, sessionId, history }) });
  try {
    await append(place, fork, history.messages);
  } catch (error) {
    await remove({ ...place, fork }).catch(() => {});
    throw error;
  }
  return { fork };
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
function entryOf({ parent, parentSessionKey, sessionId, history }) {
  const now = Date.now();
  return {
    sessionId,
    updatedAt: now,
    sessionStartedAt: now,
    forkedFromParent: true,
    forkSource: { sessionKey: parentSessionKey, sessionId: parent.sessionId, entryId: history.lastEntryId },
    parentSessionKey,
    spawnedBy: parentSessionKey,
    spawnDepth: 0,
  };
}

async function append({ calls, cfg, agentId, storePath }, { sessionKey, sessionId }, messages) {
  for (const group of groups(messages)) {
    await calls.appendMessages({ config: cfg, agentId, storePath, sessionKey, sessionId, messages: group.map((message) => ({ message })) });
    await breathe();
  }
}

/** A key that makes a message unique in the parent would be looked up in the fork; it means nothing there. */
function* groups(messages) {
  let group = [];
  let size = 0;
  for (const { idempotencyKey: _, ...message } of messages) {
    group.push(message);
    size += JSON.stringify(message.content ?? "").length;
    if (size < GROUP_CHARACTERS) continue;
    yield group;
    group = [];
    size = 0;
  }
  if (group.length > 0) yield group;
}
