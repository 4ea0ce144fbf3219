/** What an operator sees and decides at a terminal, beside an account that runs. */
import assert from "node:assert/strict";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { age, table } from "../../../src/shim/commands/output.js";
import { describeForks, describeQueue } from "../../../src/shim/commands/queue.js";
import { deferred, echo, native, open, startAccount } from "../support.mjs";
import { command, stateFolder } from "./host-program.mjs";

const LIMIT = 60_000;
/** Where SQLite keeps a database's `user_version`, four bytes. */
const VERSION_OFFSET = 60;

/** A running account whose journal the commands find. */
async function stage(t, setup = {}) {
  const folder = await stateFolder(t);
  const account = await startAccount(t, { ...setup, options: { stateDir: folder } });
  const place = { stateDir: folder, accountId: "default" };
  const listed = async (id) => (await native.listQueue(place)).dispatches.find((one) => one.id === id);
  return { folder, place, listed, ...account };
}

const dispatchOf = (parall, sourceId) => parall.snapshot().dispatches.find((one) => one.source_id === sourceId);
const acknowledged = (parall, sourceId) =>
  parall.waitFor(() => dispatchOf(parall, sourceId).acknowledged_count > 0 || undefined, LIMIT, `the acknowledgement of ${sourceId}`);
const answers = (parall, chat) =>
  parall
    .messages(chat)
    .filter((message) => message.sender_id === "usr_agent")
    .map((message) => message.content.text);

/** An account with a dead letter: the server refused the answer. By now it would take it. */
async function withDeadLetter(t, setup) {
  const account = await stage(t, setup);
  const { parall, seed, until } = account;
  parall.fault("http.error", { route: "messages.post", status: 403 });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await until((status) => status.deadLetters === 1, LIMIT);
  parall.clearFaults();
  return { ...account, asked, id: dispatchOf(parall, asked.id)?.id };
}

test("a turn that always fails becomes a dead letter, and a retry with a host that works again answers it", async (t) => {
  let broken = true;
  const runTurn = async (turn, gateway) => (broken ? { started: false, error: "the model is gone" } : echo(turn, gateway));
  const { parall, seed, turns, until } = await stage(t, { runTurn });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await until((status) => status.deadLetters === 1, LIMIT);
  const { id } = dispatchOf(parall, asked.id);
  const { text, failed } = await command(t, "queue", "list");
  assert.equal(failed, false);
  assert.match(text, /^0 waiting, 0 running, 0 finishing, 1 dead$/m);
  assert.match(text, new RegExp(`^${id} +DEAD +\\d+ s +5 +cht_Ada +the model is gone$`, "m"));
  broken = false;
  const retried = await command(t, "queue", "retry", id);
  assert.equal(retried.failed, false);
  assert.match(retried.text, new RegExp(`^${id} is to be tried again`));
  await acknowledged(parall, asked.id);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
  await until((status) => status.deadLetters === 0, LIMIT);
  assert.deepEqual(
    turns.map((turn) => turn.isRepeated),
    [false, true, true, true, true, true],
  );
});

test("a retry sends an answer that the server refused before", async (t) => {
  const { parall, seed, asked, id, turns } = await withDeadLetter(t);
  await command(t, "queue", "retry", id);
  await acknowledged(parall, asked.id);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
  assert.deepEqual(
    turns.map((turn) => turn.isRepeated),
    [false, true],
  );
});

test("a dropped dead letter is acknowledged without a turn, and there is nothing left to list", async (t) => {
  const { parall, seed, asked, id, until, turns } = await withDeadLetter(t);
  const dropped = await command(t, "queue", "drop", id);
  assert.match(dropped.text, new RegExp(`^${id} is dropped`));
  await acknowledged(parall, asked.id);
  assert.equal(turns.length, 1);
  assert.deepEqual(answers(parall, seed.direct.ada), []);
  await until((status) => status.deadLetters === 0, LIMIT);
});

test("a dead letter that no list brings to a new start is retried all the same", async (t) => {
  const { folder, place, parall, seed, gateway } = await withDeadLetter(t, { server: { generation: "events" } });
  await gateway.close();
  const second = open(t, parall.url, { options: { stateDir: folder } });
  await second.until((status) => status.connected && status.deadLetters === 1, LIMIT);
  const [{ id }] = (await native.listQueue(place)).dispatches;
  await command(t, "queue", "retry", id);
  await parall.waitForMessage((message) => message.content.text === "echo: Hello", LIMIT);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
});

test("a dead letter retried while no gateway runs is answered by the next start", async (t) => {
  const { folder, parall, seed, asked, id, gateway } = await withDeadLetter(t);
  await gateway.close();
  await command(t, "queue", "retry", id);
  open(t, parall.url, { options: { stateDir: folder } });
  await acknowledged(parall, asked.id);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
});

test("a running turn is listed as such, and neither dropped nor retried", async (t) => {
  const [begun, release] = [deferred(), deferred()];
  const runTurn = async (turn, gateway) => {
    begun.resolve();
    await release.promise;
    return echo(turn, gateway);
  };
  const { parall, seed, listed } = await stage(t, { runTurn });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  await begun.promise;
  const { id } = dispatchOf(parall, asked.id);
  const record = await listed(id);
  assert.deepEqual([record.state, record.attempts, record.sourceId], ["adopted", 1, asked.id]);
  for (const verb of ["drop", "retry"]) {
    const { text, failed } = await command(t, "queue", verb, id);
    assert.equal(failed, true);
    assert.match(text, /^error: .* is adopted; .*only a dead letter.* \(PARALL_JOURNAL_ORDER\)$/);
  }
  release.resolve();
  await acknowledged(parall, asked.id);
  assert.deepEqual(answers(parall, seed.direct.ada), ["echo: Hello"]);
});

test("a fork is listed as long as it is active", async (t) => {
  const release = deferred();
  const sessionKey = "agent:main:parall:default-usr_agent:fork:11111111-2222-4333-8444-555555555555";
  const removed = deferred();
  const forks = {
    createFork: async () => ({ sessionKey, sessionId: "11111111-2222-4333-8444-555555555555" }),
    removeFork: async () => removed.promise,
    leftoverForks: async () => [],
  };
  const begun = { cht_Ada: deferred(), cht_Ben: deferred() };
  const runTurn = async (turn, gateway) => {
    begun[turn.target].resolve();
    await release.promise;
    return echo(turn, gateway);
  };
  const { parall, seed, place, gateway } = await stage(t, { runTurn, forks });
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "A long task" });
  await begun.cht_Ada.promise;
  const asked = parall.say({ from: "usr_ben", chat: seed.direct.ben, text: "Meanwhile" });
  await begun.cht_Ben.promise;
  const [fork] = await native.listForks(place);
  assert.deepEqual([fork.sessionKey, fork.target, fork.state], [sessionKey, "cht_Ben", "running"]);
  const shown = await command(t, "forks");
  assert.match(shown.text, new RegExp(`^cht_Ben +running +0 s +${sessionKey}$`, "m"));
  release.resolve();
  removed.resolve();
  await acknowledged(parall, asked.id);
  // When the account has ended, everything about the fork is written down.
  await gateway.close();
  assert.equal((await command(t, "forks")).text, "There are no forks.");
});

describe("a journal that cannot be used", () => {
  const all = [["queue", "list"], ["queue", "retry", "dsp_1"], ["queue", "drop", "dsp_1"], ["forks"]];

  test("because there is none yet is said so by every command", async (t) => {
    await stateFolder(t);
    for (const words of all) {
      const { text, failed } = await command(t, ...words);
      assert.equal(failed, true);
      assert.match(text, /^error: there is no journal .*the account has not run .* \(PARALL_JOURNAL_MISSING\)$/);
    }
  });

  test("because it is of another version is said so by every command", async (t) => {
    const { folder, gateway } = await stage(t);
    await gateway.close();
    const file = await openFile(join(folder, "parall", "default.sqlite"), "r+");
    await file.write(Buffer.from([0, 0, 0, 99]), 0, 4, VERSION_OFFSET);
    await file.close();
    for (const words of all) {
      const { text, failed } = await command(t, ...words);
      assert.equal(failed, true);
      assert.match(text, /^error: .*schema version 99.* of another version than this command.* \(PARALL_JOURNAL_VERSION\)$/);
    }
  });

  test("for an id it does not know says where ids are shown", async (t) => {
    await stage(t);
    for (const verb of ["retry", "drop"]) {
      const { text, failed } = await command(t, "queue", verb, "dsp_nowhere");
      assert.equal(failed, true);
      assert.match(text, /^error: the journal knows no dispatch dsp_nowhere; .*queue list.* \(PARALL_JOURNAL_UNKNOWN\)$/);
    }
  });
});

test("an idle account lists nothing", async (t) => {
  await stage(t);
  assert.deepEqual(await command(t, "queue", "list"), { text: "Nothing waits, nothing runs, nothing failed.", failed: false });
});

test("a limit that is no number is refused, and one that cuts says how much is left", async (t) => {
  await stateFolder(t);
  assert.match((await command(t, "queue", "list", { limit: "many" })).text, /^error: --limit/);
  const one = { id: "dsp_1", state: "claimed", sourceId: "msg_1", attempts: 0, claimedAt: 0 };
  const lines = describeQueue({ waiting: 3, running: 0, finishing: 0, dead: 0, dispatches: [one] }, 90_000);
  assert.deepEqual(lines.slice(2), [
    "ID     STATE    AGE    ATTEMPTS  TARGET  CAUSE",
    "dsp_1  waiting  1 min  0         msg_1   -",
    "... and 2 more; --limit shows them",
  ]);
});

test("text of a server cannot steer the terminal or break the table", () => {
  const lines = table(["A", "B"], [["\u001b[31mred\nline\u202e", "x".repeat(200)]]);
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines[1], /[\p{Cc}\p{Cf}]/u);
  assert.ok(lines[1].length < 120);
});

test("ages are shown in one unit", () => {
  assert.deepEqual(
    [-5, 999, 59_000, 60_000, 3_600_000, 172_800_000].map((elapsed) => age(0, elapsed)),
    ["0 s", "0 s", "59 s", "1 min", "1 h", "2 d"],
  );
});

test("forks are described by chat, state, age and session", () => {
  const fork = { sessionKey: "agent:main:x:fork:1", target: "cht_Ben", createdAt: 0, changedAt: 0 };
  const states = ["creating", "running", "answered"].map((state) => describeForks([{ ...fork, state }], 5000)[1]);
  assert.deepEqual(states, [
    "cht_Ben  being made  5 s  agent:main:x:fork:1",
    "cht_Ben  running  5 s  agent:main:x:fork:1",
    "cht_Ben  to be removed  5 s  agent:main:x:fork:1",
  ]);
});
