/** The account is killed again and again while people write: nothing is lost, doubled, out of order or left over. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { storm } from "../../crash/storm.mjs";

/** Set to repeat a run. What the seed does not decide is the machine's timing. */
const SEED = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31));
const DISPATCHES = Number(process.env.CRASH_DISPATCHES ?? 400);
const KILLS = Number(process.env.CRASH_KILLS ?? 30);

test(`${DISPATCHES} questions are each answered once while the account is killed ${KILLS} times`, async (t) => {
  t.diagnostic(`seed ${SEED}; repeat with CRASH_SEED=${SEED}`);
  const folder = await mkdtemp(join(tmpdir(), "parall-crash-"));
  const log = [];
  const { counts, exit, ...findings } = await storm({ folder, seed: SEED, dispatches: DISPATCHES, kills: KILLS }, (line) => log.push(line));
  t.diagnostic(JSON.stringify(counts));
  const none = Object.fromEntries(Object.keys(findings).map((name) => [name, []]));
  assert.deepEqual(findings, none, `in ${folder}\n${log.slice(-50).join("\n")}`);
  assert.equal(exit, 0);
  assert.ok(counts.forked > 0, "no fork ever ran");
  await rm(folder, { recursive: true });
});
