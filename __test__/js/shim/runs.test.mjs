/** What the shim remembers of the host's runs. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { deliverPart, earlierRuns, followTurn, startRun } from "../../../src/shim/gateway/runs.js";
import { shared } from "../../../src/shim/state.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

/** So many outcomes are kept. */
const MOST_ENDED = 1_000;
const turn = (number) => ({ id: `turn-${number}`, sessionKey: "agent:main", target: "cht_1" });
const run = (number) =>
  startRun("default", turn(number), async (_signal, outcome) => {
    outcome.started = true;
  });
const settle = () => new Promise(setImmediate);

describe("a run that has ended", () => {
  beforeEach(() => {
    delete globalThis[Symbol.for("@parall/parall")];
  });

  it("keeps its outcome and nothing of what was said", async () => {
    const weak = await (async () => {
      const text = { said: "x".repeat(1_000_000) };
      await startRun("default", turn(0), async (_signal, outcome) => {
        outcome.started = text.said.length > 0;
      });
      return new WeakRef(text);
    })();
    await settle();
    collectGarbage();
    await settle();
    collectGarbage();
    assert.equal(weak.deref(), undefined);
    assert.deepEqual(await followTurn("turn-0"), { started: true });
  });

  it("gives its place up to newer ones, the oldest first", async () => {
    for (let number = 0; number <= MOST_ENDED; number += 1) await run(number);
    await settle();
    assert.equal(earlierRuns("default").length, MOST_ENDED);
    assert.equal((await followTurn("turn-0")).isCalledOff, true);
    assert.deepEqual(await followTurn(`turn-${MOST_ENDED}`), { started: true });
    assert.deepEqual([shared().runs.size, shared().ended.size], [MOST_ENDED - 1, MOST_ENDED - 1]);
  });

  it("never takes the place of one that goes on", async () => {
    let end;
    const first = startRun("default", turn("first"), () => new Promise((resolve) => (end = resolve)));
    for (let number = 0; number < 2 * MOST_ENDED; number += 1) await run(number);
    await settle();
    assert.ok(earlierRuns("default").some(({ id }) => id === "turn-first"));
    end();
    await first;
    await assert.rejects(deliverPart("turn-0", { kind: "final", text: "late" }), /no run of turn turn-0/);
  });
});
