/**
 * One measurement in a fresh process, with the Node of a host that has a database: `measure-database.mjs WHAT FILE BYTES
 * COMPACTED`. `make` writes the database; `rows` forks as we do, `call` as through the host's call that reads everything; `idle`
 * only waits, beside a thread without work. The host's calls that write are stand-ins that do nothing. Prints JSON.
 */
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import zlib from "node:zlib";
import { create } from "../../../src/shim/forks/sessions.js";
import { native } from "../../../src/shim/native.js";
import { writeTranscript } from "./transcript.mjs";

const [what, file, bytes, isCompacted] = process.argv.slice(2);
const PARENT = "agent:main:parall:default";
const COMPRESSED_FROM = 1024;
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Half of what hosts write comes out compressed. */
function make() {
  mkdirSync(path.dirname(file), { recursive: true });
  const lines = `${file}.jsonl`;
  writeTranscript(lines, Number(bytes), isCompacted === "true" ? { context: 1e6 } : {});
  const database = new DatabaseSync(file);
  database.exec(`pragma journal_mode = wal; create table session_nodes (session_key text primary key, current_session_id text not null);
    create table transcript_events (session_id text not null, seq integer not null, event_json text, created_at integer not null,
      event_zstd blob, event_utf8_bytes integer, navigation_json text, primary key (session_id, seq)) strict; begin`);
  database.prepare("insert into session_nodes values (?, 'parent')").run(PARENT);
  const insert = database.prepare("insert into transcript_events values ('parent', ?, ?, 0, ?, null, null)");
  for (const [seq, line] of readFileSync(lines, "utf8").trimEnd().split("\n").entries()) {
    const isSmall = line.length < COMPRESSED_FROM;
    insert.run(seq, isSmall ? line : null, isSmall ? null : zlib.zstdCompressSync(line));
  }
  database.exec("commit");
  database.close();
  rmSync(lines);
}

/** What the host's call does: every row, on this thread. */
function readEvents() {
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare("select event_json as plain, event_zstd as packed from transcript_events order by seq").all();
  database.close();
  return rows.map(({ plain, packed }) => JSON.parse(plain ?? zlib.zstdDecompressSync(packed).toString()));
}

const place = {
  ...{ cfg: {}, agentId: "main", accountId: "default", parentSessionKey: PARENT },
  // Beside a folder without a database the host's call is taken.
  storePath: path.join(path.dirname(file), what === "call" ? "other/sessions" : "../sessions", "sessions.json"),
  calls: {
    getEntry: () => ({ sessionId: "parent" }),
    upsertEntry: async () => {},
    appendMessages: async () => {},
    deleteEntry: async () => {},
    readEvents: async () => readEvents(),
  },
};
const forgetPeak = () => writeFileSync("/proc/self/clear_refs", "5");
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;

async function fork() {
  const started = performance.now();
  if (what === "idle") await Promise.all([pause(50), once(new Worker("", { eval: true }), "online")]);
  else if (!(await create(place)).fork) throw new Error("no fork");
  return performance.now() - started;
}

if (what === "make") {
  make();
  console.log("{}");
} else {
  // A gateway has it loaded.
  native();
  await pause(100);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await pause(20);
  forgetPeak();
  const before = peak();
  delay.reset();
  // The first tick after a reset only begins to count.
  await pause(5);
  const milliseconds = await fork();
  await pause(5);
  const stall = Math.max(0, delay.max / 1e6 - 1);
  const growth = peak() - before;
  const again = await fork();
  console.log(JSON.stringify({ milliseconds, again, stall, growth }));
  process.exit(0);
}
