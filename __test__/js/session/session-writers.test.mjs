import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, describe, it } from "node:test";
import { SessionsFolder } from "../../session/folder.mjs";
import { WRITES, writeAtOnce } from "../../session/writers.mjs";

describe("several writers of one store", () => {
  const folder = new SessionsFolder();
  after(() => folder.dispose());

  it(`two processes of ours and one that writes like the host lose none of ${3 * WRITES} writes`, async () => {
    await writeAtOnce(folder, { first: "ours", second: "ours", third: "host" });
    assert.deepEqual(readdirSync(folder.root).sort(), ["parent.jsonl", "sessions.json"]);
  });
});
