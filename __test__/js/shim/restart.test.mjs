/** Another start of an account, at the wish of an operator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { shared } from "../../../src/shim/state.js";
import { addon, settled, start, useStandIns } from "./stand-ins.mjs";

describe("an account that is restarted", () => {
  useStandIns();

  /** Waits until so many starts have been made. */
  async function starts(count) {
    while (addon.started.length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  it("closes its gateway and opens another one, without an end that the host sees", async () => {
    const account = start();
    await starts(1);
    const first = shared().accounts.get("default");
    first.restart();
    await starts(2);
    assert.equal(addon.started[0].closed, 1);
    assert.notEqual(shared().accounts.get("default"), first);
    assert.equal(await settled(account.promise), false);
    await account.end();
    assert.deepEqual([addon.started.length, addon.started[1].closed, shared().accounts.size], [2, 1, 0]);
  });

  it("starts no more once the host has ended it", async () => {
    const account = start();
    await starts(1);
    const { restart } = shared().accounts.get("default");
    const ended = account.end();
    restart();
    await ended;
    assert.deepEqual([addon.started.length, addon.started[0].closed], [1, 1]);
  });
});
