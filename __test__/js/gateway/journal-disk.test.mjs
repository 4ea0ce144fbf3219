/** A running account whose disk is full, read-only or damaged: it says so, acknowledges nothing it could not write down, and recovers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LocalParall } from "../../server/server.js";
import { open } from "../support.mjs";

const LIMIT = 60_000;

async function temporaryFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), "parall-disk-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A small disk of its own for `serve`, or a skipped test where this process may not mount one. */
async function onDisk(t, size, serve) {
  const folder = await mkdtemp(join(tmpdir(), "parall-disk-"));
  const mount = (...options) => execFileSync("mount", [...options, folder], { stdio: "pipe" });
  try {
    mount("-t", "tmpfs", "-o", `size=${size}`, "tmpfs");
  } catch (error) {
    return t.skip(`cannot mount a disk here: ${error.stderr}`);
  }
  // Hooks run in order, and this one has to come after those that end what uses the disk.
  try {
    await t.test("on a small disk", (inner) => serve(inner, folder, mount));
  } finally {
    execFileSync("umount", [folder]);
    await rm(folder, { recursive: true });
  }
}

/** Takes all space that is left. */
function fill(folder) {
  const file = join(folder, "filler");
  const descriptor = openSync(file, "w");
  for (let size = 64 * 1024; size >= 1; size = Math.floor(size / 2)) {
    const bytes = Buffer.alloc(size);
    try {
      for (;;) if (writeSync(descriptor, bytes) < size) break;
    } catch (error) {
      assert.equal(error.code, "ENOSPC");
    }
  }
  closeSync(descriptor);
  return () => rmSync(file);
}

async function serve(t) {
  const parall = await LocalParall.start();
  t.after(() => parall.close());
  return { parall, seed: parall.seed() };
}

const dispatches = (parall) => parall.snapshot().dispatches;
const acknowledged = (parall, sourceId) =>
  parall.waitFor(
    () => dispatches(parall).find((one) => one.source_id === sourceId)?.acknowledged_count > 0 || undefined,
    LIMIT,
    `the acknowledgement of ${sourceId}`,
  );
const answers = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id === "usr_agent");

test("a full disk stops the intake and nothing is acknowledged that is not answered, until there is space again", (t) =>
  onDisk(t, "12m", async (inner, folder) => {
    const { parall, seed } = await serve(inner);
    const account = open(inner, parall.url, { options: { stateDir: folder } });
    await account.until((status) => status.connected);
    const makeSpace = fill(folder);
    const words = "word ".repeat(3_000).trim();
    const said = Array.from({ length: 40 }, (_, index) =>
      parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `${index} ${words}` }),
    );
    const status = await account.until((now) => /full|no space/i.test(now.lastError ?? ""), LIMIT);
    assert.equal(status.connected, true);
    const before = answers(parall, seed.direct.ada).length;
    assert.ok(before < said.length, "everything was answered in spite of the full disk");
    assert.ok(dispatches(parall).filter((one) => one.acknowledged_count > 0).length <= before);
    makeSpace();
    for (const message of said) await acknowledged(parall, message.id);
    assert.deepEqual(
      answers(parall, seed.direct.ada).map((message) => message.content.text),
      said.map((message) => `echo: ${message.content.text}`),
    );
    await account.until((now) => now.lastError === null);
  }));

test("a state folder that cannot be written blocks the account and nothing is acknowledged, until it can be written", (t) =>
  onDisk(t, "3m", async (inner, folder, mount) => {
    mount("-o", "remount,ro");
    const { parall, seed } = await serve(inner);
    const account = open(inner, parall.url, { options: { stateDir: folder } });
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
    const status = await account.until((now) => now.blocked);
    assert.match(status.blocked, /cannot use .*parall.*read-only/i);
    assert.equal(status.lastError, status.blocked);
    assert.equal(status.connected, false);
    const [dispatch] = dispatches(parall);
    assert.deepEqual([account.turns.length, dispatch.acknowledged_count, dispatch.received_count], [0, 0, 0]);
    mount("-o", "remount,rw");
    await acknowledged(parall, asked.id);
    await account.until((now) => now.connected && now.blocked === null && now.lastError === null);
  }));

/** An account that has answered once and is closed. */
async function served(t) {
  const folder = await temporaryFolder(t);
  const { parall, seed } = await serve(t);
  const account = open(t, parall.url, { options: { stateDir: folder } });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Before" });
  await acknowledged(parall, asked.id);
  await account.gateway.close();
  return { parall, seed, folder, database: join(folder, "parall", "default.sqlite") };
}

for (const [what, offset] of [
  ["at its beginning", 0],
  ["in its middle", 8_192],
])
  test(`a database damaged ${what} is set aside and said so, and open messages are answered`, async (t) => {
    const { parall, seed, folder, database } = await served(t);
    const descriptor = openSync(database, "r+");
    writeSync(descriptor, Buffer.alloc(4_096, 0x5a), 0, 4_096, offset);
    closeSync(descriptor);
    const damaged = readFileSync(database);
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "After" });
    const account = open(t, parall.url, { options: { stateDir: folder } });
    const status = await account.until((now) => now.journalRebuilt);
    await acknowledged(parall, asked.id);
    const [aside] = readdirSync(join(folder, "parall")).filter((name) => /^default\.sqlite\.corrupt-\w+$/.test(name));
    assert.ok(status.journalRebuilt.includes(aside), status.journalRebuilt);
    assert.deepEqual(readFileSync(join(folder, "parall", aside)), damaged);
    assert.deepEqual(
      account.turns.map((turn) => turn.rawText),
      ["After"],
    );
  });

test("a database of a newer version is refused and left as it is", async (t) => {
  const { parall, seed, folder, database } = await served(t);
  const descriptor = openSync(database, "r+");
  const newer = Buffer.alloc(4);
  newer.writeInt32BE(99);
  writeSync(descriptor, newer, 0, 4, 60); // the place of user_version in the header
  closeSync(descriptor);
  const before = readFileSync(database);
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "After" });
  const account = open(t, parall.url, { options: { stateDir: folder } });
  const status = await account.until((now) => now.lastError);
  assert.match(status.lastError, /schema version 99/);
  await account.gateway.close();
  assert.deepEqual(readFileSync(database), before);
  assert.equal(account.turns.length, 0);
  assert.equal(dispatches(parall)[1].acknowledged_count, 0);
});
