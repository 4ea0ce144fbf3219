/**
 * What a fork takes of a transcript in the host's database. The native part decides it, from rows that come newest first: from a
 * thread of ours that reads the database, or, where that cannot be, from the host's own call, which reads everything.
 */
import path from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { native } from "../native.js";
import { Rows, RowsError } from "./thread.js";

/** What the native part says of rows in a form that it does not know. */
const BAD_ROW = "PARALL_SESSION_BAD_ROW";
/** The first batch of rows, in bytes. Each further one is as long as all before it. */
const FIRST_BYTES = 256 * 1024;

/**
 * @param {{ calls: import("./calls.js").SessionCalls, agentId: string, storePath: string, parentSessionKey: string }} place
 * @param {{ sessionId: string, budget?: number }} parent
 * @returns {Promise<{ found: import("../../../index.js").ContextFound, fallback?: string }>} `fallback` is why the host's call had to
 *   read everything
 */
export async function readContext(place, { sessionId, budget }) {
  const file = databaseOf(place.storePath);
  const rows = new Rows({ file, sessionKey: place.parentSessionKey, sessionId });
  let fallback;
  try {
    return { found: await decide(budget, (bytes) => rows.next(bytes)) };
  } catch (error) {
    // What rows say that we can read is the same whoever reads them; then it is final.
    if (!(error instanceof RowsError) && error.code !== BAD_ROW) throw error;
    fallback = error.message;
  } finally {
    rows.close();
  }
  return { found: await decide(budget, await hostRows(place, sessionId)), fallback };
}

/** Hands over rows until they suffice. */
async function decide(budget, next) {
  const { ContextReader } = native();
  const reader = new ContextReader(budget);
  for (let bytes = FIRST_BYTES, total = 0; ; bytes = total) {
    const { rows, isAll } = await next(bytes);
    const found = await reader.add(rows, isAll);
    if (found) return found;
    total += Math.max(rows.byteLength, FIRST_BYTES);
  }
}

/** Where hosts keep the sessions of an agent, given where they once kept its session store. */
function databaseOf(storePath) {
  if (storePath.endsWith(".sqlite")) return storePath;
  return path.join(path.dirname(path.dirname(storePath)), "agent", "openclaw-agent.sqlite");
}

/** The same rows from the host's own call. It parses everything; only what is needed is written out again. */
async function hostRows({ calls, agentId, storePath, parentSessionKey }, sessionId) {
  const events = await calls.readEvents({ agentId, storePath, sessionKey: parentSessionKey, sessionId });
  let end = events.length;
  return async (bytes) => {
    await breathe();
    const parts = [];
    for (let size = 0; end > 0 && size < bytes; end--) {
      const text = Buffer.from(JSON.stringify(events[end - 1]) ?? "null");
      const head = Buffer.alloc(5);
      head.writeUInt32LE(text.byteLength, 1);
      parts.push(head, text);
      size += text.byteLength;
    }
    return { rows: Buffer.concat(parts), isAll: end === 0 };
  };
}
