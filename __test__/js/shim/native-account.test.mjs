/** Accounts as the native part sees them, on the table that the shim's copy of the rules is tested against. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { native } from "../support.mjs";

const cases = JSON.parse(readFileSync(new URL("../fixtures/accounts.json", import.meta.url), "utf8"));

describe("accounts listed by the native part", () => {
  for (const { name, cfg, ids } of cases) it(name, () => assert.deepEqual(native.listParallAccountIds(cfg), ids));

  it("are none where the channels are no object", () => {
    for (const channels of [null, undefined, "text", 7, true, []]) {
      assert.deepEqual(native.listParallAccountIds({ channels }), []);
      assert.equal(native.resolveParallAccount({ cfg: { channels } }).accountId, "default");
    }
  });
});
