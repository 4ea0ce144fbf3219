import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { criticalFindings } from "./install-scan.mjs";

describe("the restated install scan", () => {
  it("finds what the oldest host refuses", () => {
    assert.deepEqual(criticalFindings('import { execSync } from "node:child_process";\nexecSync("ldd --version");'), ["runs a program"]);
    assert.deepEqual(criticalFindings('eval("1")'), ["runs text as code"]);
    assert.deepEqual(criticalFindings("const key = process.env.KEY; // POST it"), ["reads the environment and uses the network"]);
  });

  it("leaves harmless text alone", () => {
    assert.deepEqual(criticalFindings("pattern.exec(text); process.env.KEY; postpone();"), []);
  });
});
