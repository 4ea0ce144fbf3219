import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { versionFaults } from "../../../npm/check-release.mjs";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));

/** A copy of the files that name a version. */
function copy(test) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-release-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const file of ["package.json", "Cargo.toml", "CHANGELOG.md", "npm"])
    cpSync(path.join(PROJECT, file), path.join(folder, file), { recursive: true });
  return folder;
}

it("accepts a release whose files and tag name one version", () => {
  const { version } = JSON.parse(readFileSync(path.join(PROJECT, "package.json"), "utf8"));
  assert.deepEqual(versionFaults(PROJECT, `v${version}`), []);
  assert.deepEqual(versionFaults(PROJECT, undefined), []);
});

it("names each place that has another version", (test) => {
  const folder = copy(test);
  const file = path.join(folder, "package.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), version: "9.9.9" }));
  const faults = versionFaults(folder, "v9.9.8");
  for (const place of ["Cargo.toml", "npm/linux-x64-gnu/package.json", "the tag", "CHANGELOG.md"]) {
    assert.ok(
      faults.some((fault) => fault.startsWith(place)),
      `${place} in ${faults}`,
    );
  }
});
