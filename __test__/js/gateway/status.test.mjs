/** Numbers of the status that only a real process has: the size of its journal and the memory of its native part. */
import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deferred, echo, startAccount } from "../support.mjs";

const MEGABYTE = 1024 * 1024;
const LIMIT = 60_000;
const MESSAGES = 300;
const WORDS = "word ".repeat(10_000);

test("the status tells how large the journal is and how much memory waiting messages take, until they are answered", async (t) => {
  const stateDir = await mkdtemp(join(tmpdir(), "parall-status-"));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const goOn = deferred();
  const { parall, seed, until } = await startAccount(t, {
    options: { stateDir },
    runTurn: (turn, gateway) => goOn.promise.then(() => echo({ ...turn, rawText: "done" }, gateway)),
  });
  const idle = await until((status) => status.nativeMemoryBytes > 0 && status.journalBytes > 0);
  const database = await stat(join(stateDir, "parall", "default.sqlite"));
  assert.ok(idle.journalBytes >= database.size);
  for (let index = 0; index < MESSAGES; index += 1) parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `${index} ${WORDS}` });
  const held = MESSAGES * WORDS.length;
  await until((status) => status.queueDepth === MESSAGES - 1 && status.nativeMemoryBytes >= idle.nativeMemoryBytes + held, LIMIT);
  goOn.resolve();
  const after = await until(
    (status) => status.oldestPendingAt === null && status.nativeMemoryBytes < idle.nativeMemoryBytes + held / 2,
    LIMIT,
  );
  assert.equal(after.nativeMemoryBytes % MEGABYTE, 0);
});
