/** The shim's rules for targets, on the table that the native part is tested against, too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { normalizeTarget, requireTarget } from "../../../src/shim/channel/target.js";

const cases = JSON.parse(readFileSync(new URL("../fixtures/targets.json", import.meta.url), "utf8"));

describe("targets read without the native part", () => {
  for (const { text, id } of cases) {
    it(`${JSON.stringify(text)} ${id === null ? "is refused" : `is ${id}`}`, () => {
      assert.equal(normalizeTarget(text) ?? null, id);
      if (id === null) assert.throws(() => requireTarget(text), /is no target/);
    });
  }

  it("refuse what is no text, and repeat little of what they refuse", () => {
    for (const raw of [undefined, null, 7, {}]) assert.equal(normalizeTarget(raw), undefined);
    assert.throws(
      () => requireTarget(`\u001b[31m${"x".repeat(10_000)}`),
      ({ message }) => message.length < 400 && !message.includes("\u001b"),
    );
  });
});
