import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { SessionsFolder } from "./session/folder.mjs";

/** Set for the long run; writes of each process. */
const WRITES = Number(process.env.PARALL_WRITES ?? 100);
const WRITER = fileURLToPath(new URL("./session/writer.mjs", import.meta.url));

describe("several writers of one store", () => {
  const folder = new SessionsFolder();
  after(() => folder.dispose());

  it(`two processes of ours and one that writes like the host lose none of ${3 * WRITES} writes`, async () => {
    const writers = [
      ["ours", "first"],
      ["ours", "second"],
      ["host", "third"],
    ];
    const ends = writers.map(async ([how, name]) => {
      const child = spawn(process.execPath, [WRITER, how, folder.store, String(WRITES), name], { stdio: ["ignore", "ignore", "inherit"] });
      const [code] = await once(child, "exit");
      assert.equal(code, 0, `${name} failed`);
    });
    await Promise.all(ends);
    const entries = folder.entries();
    for (const [, name] of writers) {
      for (let index = 0; index < WRITES; index++) assert.equal(entries[`agent:main:${name}:${index}`]?.index, index, `${name} ${index}`);
    }
    assert.deepEqual(entries["agent:main:other"], folder.bystander);
    assert.deepEqual(readdirSync(folder.root).sort(), ["parent.jsonl", "sessions.json"]);
  });
});
