/** What is in the addon, and what is not. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const ROOT = new URL("../../../", import.meta.url);
const addons = readdirSync(ROOT).filter((name) => /^parall\..*\.node$/.test(name));

/** Names of what only tests use. A debug build, which tests run with, keeps the names of everything in it. */
const TEST_ONLY = ["SimulatedDisk", "served_elsewhere"];

test("nothing that only tests use is in the addon", () => {
  assert.notEqual(addons.length, 0, "build the addon first");
  for (const name of addons) {
    const addon = readFileSync(new URL(name, ROOT));
    assert.ok(addon.includes("parall-journal"), `${name} is an addon of this project`);
    assert.deepEqual(
      TEST_ONLY.filter((text) => addon.includes(text)),
      [],
      name,
    );
  }
});
