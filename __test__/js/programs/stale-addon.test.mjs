/** Tests refuse an addon that is older than what it is built from. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { it } from "node:test";
import { requireFreshAddon } from "../../addon.mjs";

it("an addon counts while no source of it is newer", (test) => {
  const project = mkdtempSync(path.join(os.tmpdir(), "parall-addon-"));
  test.after(() => rmSync(project, { recursive: true }));
  mkdirSync(path.join(project, "src", "shim"), { recursive: true });
  const write = (name, second) => {
    writeFileSync(path.join(project, name), "");
    utimesSync(path.join(project, name), second, second);
  };
  write("Cargo.toml", 1);
  write("src/lib.rs", 1);
  assert.throws(() => requireFreshAddon(project), /there is no addon yet.*npm run build:debug/);
  write("parall.some-system.node", 2);
  requireFreshAddon(project);
  write("src/shim/index.js", 3);
  requireFreshAddon(project);
  write("src/lib.rs", 3);
  assert.throws(() => requireFreshAddon(project), /older than src.lib\.rs.*npm run build:debug/);
});
