/**
 * Runs on a thread of its own and reads the rows of a transcript in the host's database, newest first, as far as it is asked to.
 *
 * It uses Node's SQLite, which is the host's: a second copy of the library in one process would break the host's locks. The
 * database is opened for reading, for one fork, and only if its tables are ones that we know.
 */
import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";

/** How long a lock is waited for, in milliseconds. */
const BUSY_MS = 1000;
/** The columns that transcripts have had, by name, with their types. */
const BASE = ["created_at INTEGER", "event_json TEXT", "seq INTEGER", "session_id TEXT"];
const COMPRESSED = [...BASE, "event_utf8_bytes INTEGER", "event_zstd BLOB", "navigation_json TEXT"].sort();
const SCHEMAS = new Map([
  [BASE.join(), "NULL"],
  [COMPRESSED.join(), "event_zstd"],
]);
/** How a row is kept; the native part knows these numbers. */
const [PLAIN, ZSTANDARD] = [0, 1];

const open = new Map();

parentPort.on("message", ({ id, action, ...given }) => {
  try {
    if (action === "open") open.set(id, openRows(given));
    if (action === "close") close(id);
    else parentPort.postMessage(...batch(id, given.bytes));
  } catch (error) {
    close(id);
    parentPort.postMessage({ id, error: error.message });
  }
});

function openRows({ file, sessionKey, sessionId }) {
  const { DatabaseSync } = createRequire(import.meta.url)("node:sqlite");
  const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS });
  try {
    // One state of the database for all that follows, whatever is written meanwhile.
    database.exec("begin");
    const packed = packedColumn(database);
    const current = database.prepare("select current_session_id as id from session_nodes where session_key = ?").get(sessionKey);
    if (current?.id !== sessionId) throw new Error("the session is not in the database");
    const rows = database
      .prepare(
        `select cast(event_json as blob) as plain, ${packed} as packed from transcript_events where session_id = ? order by seq desc`,
      )
      .iterate(sessionId);
    return { database, rows, isEmpty: true };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The column with compressed rows, or `NULL` where there is none. An unknown schema is an exception. */
function packedColumn(database) {
  const { encoding } = database.prepare("pragma encoding").get();
  const columns = database.prepare("select name, type from pragma_table_info('transcript_events')").all();
  const packed = SCHEMAS.get(
    columns
      .map(({ name, type }) => `${name} ${type}`)
      .sort()
      .join(),
  );
  if (encoding !== "UTF-8" || packed === undefined) throw new Error("the tables of transcripts are not ones that this version knows");
  return packed;
}

function batch(id, bytes) {
  const entry = open.get(id);
  const parts = [];
  let size = 0;
  let isAll = false;
  while (size < bytes) {
    const { done, value } = entry.rows.next();
    if (done) {
      isAll = true;
      break;
    }
    const row = value.plain ?? value.packed;
    parts.push({ row, encoding: value.plain === null ? ZSTANDARD : PLAIN });
    size += row.byteLength;
  }
  if (entry.isEmpty && parts.length === 0) throw new Error("the transcript is not in the database");
  entry.isEmpty = false;
  const rows = pack(parts, size);
  return [{ id, rows, isAll }, [rows.buffer]];
}

function pack(parts, size) {
  const packed = new Uint8Array(size + parts.length * 5);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { row, encoding } of parts) {
    view.setUint8(at, encoding);
    view.setUint32(at + 1, row.byteLength, true);
    packed.set(row, at + 5);
    at += 5 + row.byteLength;
  }
  return packed;
}

function close(id) {
  const entry = open.get(id);
  open.delete(id);
  entry?.database.close();
}
