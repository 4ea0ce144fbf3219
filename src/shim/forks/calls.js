/**
 * The session calls of a host with a database. Some are injected, others must be imported; the sub-paths of the host's kit come
 * and go with its releases, so every one of them is tried and nothing is expected.
 */
import { forkId } from "./key.js";

/**
 * @typedef {object} SessionCalls
 * @property {(scope: any) => any} getEntry
 * @property {(scope: any) => { sessionKey: string, entry: any }[]} listEntries
 * @property {(scope: any) => Promise<void>} upsertEntry
 * @property {(scope: any) => Promise<any[]>} readEvents
 * @property {(scope: any) => Promise<any>} appendMessages one group, in one transaction
 * @property {(fork: any) => Promise<void>} deleteEntry the entry and all of its transcript
 */

/** @returns {Promise<{ calls?: SessionCalls, missing: string[] }>} */
export async function sessionCalls(runtime) {
  const transcripts = await optional(() => import("openclaw/plugin-sdk/session-transcript-runtime"));
  const store = await optional(() => import("openclaw/plugin-sdk/session-store-runtime"));
  const session = runtime?.agent?.session;
  const found = {
    getEntry: session?.getSessionEntry,
    listEntries: session?.listSessionEntries,
    upsertEntry: session?.upsertSessionEntry,
    readEvents: transcripts?.readSessionTranscriptEvents,
    appendMessages: transcripts?.appendSessionTranscriptMessagesByIdentity,
    cleanup: store?.cleanupSessionLifecycleArtifacts,
  };
  const missing = Object.keys(found).filter((name) => typeof found[name] !== "function");
  if (missing.length > 0) return { missing };
  return { missing, calls: { ...found, deleteEntry: (fork) => deleteEntry(found, fork) } };
}

/**
 * The host's clean-up of everything whose key begins with a prefix: the entry and the transcript go in one transaction, and
 * nothing is archived. (The host's delete function leaves the transcript behind, or an archive of it.) The prefix is the whole
 * key of one fork without the agent in front, and the marker, which finds transcripts without an entry, is its id.
 */
async function deleteEntry({ cleanup, getEntry }, { agentId, storePath, parentSessionKey, sessionKey, sessionId }) {
  if (forkId(parentSessionKey, sessionKey) !== sessionId) throw new Error(`Parall: ${sessionKey} is not a fork of ours`);
  await cleanup({
    agentId,
    storePath,
    sessionKeySegmentPrefix: sessionKey.split(":").slice(2).join(":"),
    transcriptContentMarker: sessionId,
    orphanTranscriptMinAgeMs: 0,
    // Whatever the clock says now, the fork is old enough.
    nowMs: Number.MAX_SAFE_INTEGER,
    archiveRemovedEntryTranscripts: false,
  });
  if (getEntry({ agentId, storePath, sessionKey })) throw new Error(`Parall: the host did not remove the fork ${sessionKey}`);
}

async function optional(load) {
  try {
    return await load();
  } catch {
    return undefined;
  }
}
