/** One member floods many chats: nobody else waits for it, nothing is doubled, and what is too much is named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, echo, startAccount } from "../support.mjs";

const LIMIT = 60_000;
const CHATS = 6;
const EACH = 200;

/** Eve and her chats with the agent. */
function eve(parall, count = CHATS) {
  const { id } = parall.addHuman({ name: "Eve" });
  const chats = Array.from({ length: count }, () => parall.addChat({ type: "group", members: [id, "usr_agent"] }).id);
  return { id, chats };
}

const say = (parall, from, chat, text) => parall.say({ from, chat, text, mentions: ["usr_agent"] });

/** Turns that wait until they are let go one by one. */
function gated() {
  const open = deferred();
  const runTurn = async (turn, gateway) => {
    await open.promise;
    return echo(turn, gateway);
  };
  return { runTurn, go: open.resolve };
}

for (const maxForks of [0, 4])
  test(`one member with six full chats makes another wait for one turn a lane, with ${maxForks} forks`, async (t) => {
    const { runTurn, go } = gated();
    let made = 0;
    const forks = {
      createFork: async (parent) => {
        made += 1;
        return { sessionKey: `${parent}:fork:${made}`, sessionId: `fork${made}` };
      },
      removeFork: async () => undefined,
      leftoverForks: async () => [],
    };
    const { parall, seed, turns, until } = await startAccount(t, { runTurn, forks, options: { maxForks } });
    const flood = eve(parall);
    for (let number = 0; number < EACH; number += 1) for (const chat of flood.chats) say(parall, flood.id, chat, `flood ${number}`);
    await until((now) => now.admitted === CHATS * EACH);
    for (const number of [1, 2, 3]) parall.say({ from: "usr_ada", chat: seed.direct.ada, text: `question ${number}` });
    await until((now) => now.queueDepth + now.activeRuns === CHATS * EACH + 3);
    go();
    await parall.waitFor(
      () => parall.messages(seed.direct.ada).filter((message) => message.sender_id === "usr_agent").length === 3 || undefined,
      LIMIT,
      "three answers",
    );
    const places = turns.flatMap((turn, place) => (turn.senderId === "usr_ada" ? [place] : []));
    const lanes = maxForks + 1;
    // What ran when she wrote, then one turn of Eve before each of hers; a lane may begin one while another answers her.
    if (lanes === 1) assert.deepEqual(places, [2, 4, 6]);
    assert.ok(
      places.every((place, index) => place <= 2 * (index + 1) * lanes),
      `her turns are ${places}`,
    );
  });

test("what one sender has waiting beyond its limit is closed without an answer, and log and status say so once", async (t) => {
  const { runTurn, go } = gated();
  const { parall, seed, until, logs, turns } = await startAccount(t, { runTurn, options: { senderWaiting: 5, maxForks: 0 } });
  const flood = eve(parall, 1);
  for (let number = 0; number < 20; number += 1) say(parall, flood.id, flood.chats[0], `flood ${number}`);
  const { senderLimited } = await until((now) => now.senderLimited !== undefined);
  assert.match(senderLimited, new RegExp(`^5 events of ${flood.id} wait already`));
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "question" });
  go();
  await parall.waitFor(() => parall.world.openDispatches("usr_agent").size === 0 || undefined, LIMIT, "the end of the queue");
  assert.deepEqual(turns.map((turn) => turn.rawText).sort(), [
    "flood 0",
    "flood 1",
    "flood 2",
    "flood 3",
    "flood 4",
    "flood 5",
    "question",
  ]);
  assert.equal(logs.filter((line) => line.includes("wait already") && line.startsWith("warn")).length, 1);
});

test("what is over the turns of an hour waits, and holds up nobody else in its chat", async (t) => {
  const { parall, until, turns, status } = await startAccount(t, { options: { senderTurns: 2, maxForks: 0 } });
  const flood = eve(parall, 1);
  const ada = parall.addChat({ type: "group", members: ["usr_ada", flood.id, "usr_agent"] }).id;
  for (let number = 0; number < 4; number += 1) say(parall, flood.id, ada, `flood ${number}`);
  await until((now) => now.senderLimited?.includes("has had 2 turns in an hour"));
  say(parall, "usr_ada", ada, "question");
  await parall.waitFor(() => turns.some((turn) => turn.rawText === "question") || undefined, LIMIT, "her turn");
  assert.deepEqual(
    turns.map((turn) => turn.rawText),
    ["flood 0", "flood 1", "question"],
  );
  assert.equal(status().deadLetters, 0);
  await until((now) => now.queueDepth === 2 && !now.busy);
});
