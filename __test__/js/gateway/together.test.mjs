/** Messages that wait together in one chat get one turn and one answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, echo, startAccount } from "../support.mjs";

test("three quick lines are at most two turns, each with one answer, and every dispatch is acknowledged", async (t) => {
  const open = deferred();
  const runTurn = async (turn, gateway) => {
    await open.promise;
    return echo(turn, gateway);
  };
  const { parall, seed, turns, until } = await startAccount(t, { runTurn, options: { collectEvents: 20 } });
  for (const text of ["one", "two", "three"]) parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  await until((now) => now.queueDepth + now.activeRuns === 3 && now.activeRuns === 1);
  open.resolve();
  await until((now) => now.queueDepth === 0 && now.activeRuns === 0);
  assert.equal(turns.length, 2);
  const ids = (turn) => [...turn.text.matchAll(/^\[Message: (\S+)\]$/gm)].map(([, id]) => id);
  assert.deepEqual(
    turns.map((turn) => ids(turn).length),
    [1, 2],
  );
  assert.match(turns[1].text, /^\[Together: 2 messages/);
  assert.ok(turns[1].text.indexOf("\n\ntwo\n") < turns[1].text.indexOf("\n\nthree"));
  assert.equal(turns[1].messageId, ids(turns[1]).at(-1));
  const answers = parall.messages(seed.direct.ada).filter((message) => message.sender_id === "usr_agent");
  assert.equal(answers.length, 2);
});
