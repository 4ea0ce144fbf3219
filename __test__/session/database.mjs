/**
 * Forks of a transcript in a database, as hosts with one keep it. Run by the Node of such a host, because older ones have no
 * SQLite; see hosts/database.test.mjs. The host's calls are stand-ins, the database is real.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import zlib from "node:zlib";
import { create } from "../../src/shim/forks/sessions.js";

const PARENT = "agent:main:parall:default";
const OLD = "session_id text not null, seq integer not null, event_json text not null, created_at integer not null";
const NEW = `${OLD.replace("event_json text not null", "event_json text")}, event_zstd blob, event_utf8_bytes integer, navigation_json text`;

/** `turns` turns, a compaction that keeps the last of them, one more turn, and one that runs. */
function conversation(turns, length = 50) {
  const events = [{ type: "session", version: 4, id: "header" }];
  const add = (type, rest) => {
    const id = `e${events.length}`;
    events.push({ type, id, parentId: events.length > 1 ? events.at(-1).id : null, timestamp: "2026-01-01T00:00:00.000Z", ...rest });
    return id;
  };
  const say = (role, text, more) => add("message", { message: { role, content: [{ type: "text", text }], ...more } });
  const turn = (number) => {
    const first = say("user", `question ${number} ${"é".repeat(length)}`);
    say("assistant", `answer ${number}`, { stopReason: "stop" });
    return first;
  };
  let kept;
  for (let number = 0; number < turns; number++) kept = turn(number);
  add("compaction", { summary: "So far.", firstKeptEntryId: kept, tokensBefore: 9 });
  turn("new");
  say("user", "running");
  return events;
}

function open(test, { columns, events, isPacked = false, extra = "" }) {
  const root = mkdtempSync(path.join(tmpdir(), "parall-database-"));
  test.after(() => rmSync(root, { recursive: true }));
  for (const name of ["agent", "sessions"]) mkdirSync(path.join(root, name));
  const file = path.join(root, "agent", "openclaw-agent.sqlite");
  const database = new DatabaseSync(file);
  test.after(() => database.close());
  database.exec(`pragma journal_mode = wal; create table session_nodes (session_key text primary key, current_session_id text);
    create table transcript_events (${columns}, primary key (session_id, seq)); ${extra}`);
  database.prepare("insert into session_nodes values (?, 'parent')").run(PARENT);
  const insert = database.prepare("insert into transcript_events (session_id, seq, event_json, created_at) values ('parent', ?, ?, 0)");
  for (const [seq, event] of events.entries()) insert.run(seq, JSON.stringify(event));
  if (isPacked) {
    const update = database.prepare("update transcript_events set event_json = null, event_zstd = ? where seq = ?");
    for (const [seq, event] of events.entries()) if (seq % 2 === 1) update.run(zlib.zstdCompressSync(JSON.stringify(event)), seq);
  }
  const written = [];
  const reads = [];
  const place = {
    ...{
      cfg: {},
      agentId: "main",
      accountId: "default",
      parentSessionKey: PARENT,
      storePath: path.join(root, "sessions", "sessions.json"),
    },
    calls: {
      getEntry: () => ({ sessionId: "parent" }),
      upsertEntry: async () => {},
      readEvents: async (scope) => {
        reads.push(scope);
        return events;
      },
      appendMessages: async ({ messages }) =>
        written.push(...messages.map(({ message }) => (message.content[0].text ?? message.content).slice(0, 12))),
      deleteEntry: async () => {},
    },
  };
  return { place, written, reads, database, file };
}

const SHOWN = ["The conversa", "question 99 ", "answer 99", "question new", "answer new"];

describe("a fork of a transcript in a database", () => {
  for (const [name, columns, isPacked] of [
    ["of the first hosts", OLD, false],
    ["with columns for compressed rows", NEW, false],
    ["with compressed rows", NEW, true],
  ]) {
    it(`${name} is read without the host, and changes nothing`, async (test) => {
      const host = open(test, { columns, isPacked, events: conversation(100) });
      const before = host.database.prepare("select * from transcript_events").all();
      const { fork, fallback } = await create(host.place);
      assert.equal(fallback, undefined);
      assert.ok(fork.sessionKey.startsWith(`${PARENT}:fork:`));
      assert.deepEqual(host.written, SHOWN);
      assert.deepEqual(host.reads, []);
      assert.deepEqual(host.database.prepare("select * from transcript_events").all(), before);
    });
  }

  it("sees one state of it while the host writes, and hinders it in nothing", async (test) => {
    const host = open(test, { columns: NEW, events: conversation(3, 400_000) });
    const making = create(host.place);
    const insert = host.database.prepare(
      "insert into transcript_events (session_id, seq, event_json, created_at) values ('parent', ?, '{}', 0)",
    );
    for (let seq = 1000; seq < 1050; seq++) {
      insert.run(seq);
      host.database.exec("pragma wal_checkpoint(passive)");
      await new Promise(setImmediate);
    }
    await making;
    assert.equal(host.written.length, 5);
    // The thread closes the database after it was told to, which nobody waits for.
    const isFree = () => host.database.prepare("pragma wal_checkpoint(truncate)").get().busy === 0;
    for (let tries = 0; tries < 500 && !isFree(); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(isFree(), "nothing of ours stays open");
  });

  it("is made several times at once", async (test) => {
    const host = open(test, { columns: NEW, events: conversation(100) });
    const made = await Promise.all([1, 2, 3].map(() => create(host.place)));
    assert.equal(new Set(made.map(({ fork }) => fork.sessionId)).size, 3);
    assert.equal(host.written.length, 15);
  });

  const cases = {
    "a schema from tomorrow": [{ columns: `${NEW}, event_brotli blob` }, /not ones that this version knows/],
    "rows in a form that nobody knows": [
      { columns: NEW, damage: "update transcript_events set event_json = null, event_zstd = x'0badcafe'" },
      /not a Zstandard frame/,
    ],
    "a session that moved on": [{ columns: NEW, damage: "update session_nodes set current_session_id = 'next'" }, /not in the database/],
    "rows that were put away": [{ columns: NEW, damage: "delete from transcript_events" }, /not in the database/],
    "no database": [{ columns: NEW, remove: true }, /no database/],
  };
  for (const [name, [given, reason]] of Object.entries(cases)) {
    it(`is read by the host's call, which the status names, with ${name}`, async (test) => {
      const host = open(test, { events: conversation(100), ...given });
      if (given.damage) host.database.exec(given.damage);
      if (given.remove) host.place.storePath = path.join(path.dirname(host.place.storePath), "elsewhere", "sessions.json");
      const { fork, fallback } = await create(host.place);
      assert.match(fallback, reason);
      assert.ok(fork);
      assert.deepEqual(host.written, SHOWN);
      assert.equal(host.reads.length, 1);
    });
  }

  it("is read by the host's call when the database is locked", async (test) => {
    const host = open(test, { columns: NEW, events: conversation(100) });
    host.database.exec("pragma journal_mode = delete; begin exclusive");
    const { fallback } = await create(host.place);
    assert.match(fallback, /locked/);
    assert.deepEqual(host.written, SHOWN);
  });

  it("is not made without a completed turn, and the database stays as it is byte for byte", async (test) => {
    const host = open(test, { columns: NEW, events: conversation(1).slice(0, 2) });
    host.database.exec("pragma wal_checkpoint(truncate)");
    const before = readFileSync(host.file);
    assert.equal((await create(host.place)).reason, "no-history");
    assert.ok(readFileSync(host.file).equals(before));
  });
});
