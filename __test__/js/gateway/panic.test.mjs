/** A panic in the native part is an error for JavaScript, and the host keeps running. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Where cargo puts the addon of `__test__/rust/faulty_addon.rs`. */
function build() {
  const parameters = ["build", "--locked", "--quiet", "--example", "faulty_addon", "--message-format", "json"];
  const messages = execFileSync("cargo", parameters, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const made = messages.split("\n").filter(Boolean).map(JSON.parse);
  return made.find(({ reason, target }) => reason === "compiler-artifact" && target.name === "faulty_addon").filenames[0];
}

test("a panic is an exception or a rejection, and what comes after it works", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "parall-panic-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "faulty.node");
  await copyFile(build(), file);
  const addon = createRequire(import.meta.url)(file);
  for (let round = 0; round < 3; round += 1) {
    assert.throws(() => addon.panicAtOnce(), /at once/);
    await assert.rejects(addon.panicInAPromise(), /in a promise/);
    await assert.rejects(addon.panicWhileBlocking(), { code: "PARALL_TEST" });
  }
});
