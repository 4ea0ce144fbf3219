import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { KEY, native, SessionsFolder } from "../../session/folder.mjs";

/** Set for the long run. */
const KILLS = Number(process.env.PARALL_CRASHES ?? 40);
/** A fork, its registration and its clean-up together take about this long. */
const LONGEST_MS = 250;

describe("a process that is killed while it forks", () => {
  const folder = new SessionsFolder({ turns: 200, length: 4000 });
  const transcript = readFileSync(folder.transcript);
  after(() => folder.dispose());

  it(`leaves a whole store, no entry without its transcript, and nothing that is not found at the next start (${KILLS} kills)`, async (test) => {
    const seen = { entries: 0, transcripts: 0, locks: 0, clean: 0 };
    for (let kill = 0; kill < KILLS; kill++) {
      const child = fork(new URL("../../session/fork-loop.mjs", import.meta.url), [folder.root]);
      await once(child, "message");
      await pause(((kill * 7919) % 1000) * (LONGEST_MS / 1000));
      child.kill("SIGKILL");
      await once(child, "exit");

      const entries = folder.entries();
      assert.deepEqual(entries["agent:main:other"], folder.bystander);
      assert.equal(entries[KEY].sessionId, "parent");
      const forks = Object.keys(entries).filter((key) => key.includes(":fork:"));
      for (const key of forks) assert.ok(existsSync(path.join(folder.root, entries[key].sessionFile)), `${key} has no transcript`);
      const names = readdirSync(folder.root);
      seen.entries += forks.length;
      seen.transcripts += names.filter((name) => name.startsWith("20")).length;
      seen.locks += names.filter((name) => name.endsWith(".lock")).length;
      seen.clean += names.length === 2 ? 1 : 0;

      await native.removeForkLeftovers(folder.leftovers());
      const left = readdirSync(folder.root).filter((name) => !name.endsWith(".tmp") && !name.endsWith(".lock"));
      assert.deepEqual(left.sort(), ["parent.jsonl", "sessions.json"]);
      assert.deepEqual(Object.keys(folder.entries()), [KEY, "agent:main:other"]);
    }
    assert.ok(readFileSync(folder.transcript).equals(transcript), "the parent was written");
    test.diagnostic(JSON.stringify(seen));
    assert.ok(seen.transcripts > 0 && seen.locks > 0, "no kill hit a fork, or none hit the store");
  });
});
