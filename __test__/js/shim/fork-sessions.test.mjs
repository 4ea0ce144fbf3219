/** Forks through the host's session calls, on a Node without SQLite: the host's own call reads. See hosts/database.test.mjs for the rest. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create } from "../../../src/shim/forks/sessions.js";

const PARENT = "agent:main:parall:default";

function transcript(turns, length) {
  const events = [{ type: "session", version: 4, id: "header" }];
  const say = (role, text, more) => {
    const parentId = events.length > 1 ? events.at(-1).id : null;
    events.push({ type: "message", id: `e${events.length}`, parentId, message: { role, content: [{ type: "text", text }], ...more } });
  };
  for (let turn = 0; turn < turns; turn++) {
    say("user", `question ${turn} ${"x".repeat(length)}`);
    say("assistant", `answer ${turn}`, { stopReason: "stop" });
  }
  say("user", "running");
  return events;
}

function openHost(events, change = {}) {
  const done = [];
  const calls = {
    getEntry: () => ({ sessionId: "parent", contextTokens: 100_000 }),
    upsertEntry: async ({ entry }) => done.push(entry),
    readEvents: async () => events,
    appendMessages: async ({ messages }) =>
      done.push(messages.map(({ message }) => (message.content[0].text ?? message.content).slice(0, 10))),
    deleteEntry: async ({ sessionKey }) => done.push(`deleted ${sessionKey}`),
    ...change,
  };
  const place = {
    calls,
    cfg: {},
    agentId: "main",
    accountId: "default",
    parentSessionKey: PARENT,
    storePath: "/nowhere/sessions/sessions.json",
  };
  return { place, done };
}

describe("a fork through session calls", () => {
  it("has an entry that keeps the host from forking by itself, and the messages up to the last completed turn", async () => {
    const { place, done } = openHost(transcript(2, 5));
    const { fork, fallback, leftOut } = await create(place);
    assert.match(fallback, /no database/);
    assert.equal(leftOut, 0);
    const [entry, messages] = done;
    assert.equal(entry.sessionId, fork.sessionId);
    assert.equal(entry.forkedFromParent, true);
    assert.deepEqual(entry.forkSource, { sessionKey: PARENT, sessionId: "parent", entryId: "e4" });
    assert.deepEqual(messages, ["question 0", "answer 0", "question 1", "answer 1"]);
  });

  it("is written in batches, so that the gateway continues in between", async () => {
    const { place, done } = openHost(transcript(4, 70_000));
    let turns = 0;
    const count = setInterval(() => turns++, 0);
    await create(place);
    clearInterval(count);
    assert.deepEqual(
      done.slice(1).map((batch) => batch.length),
      [3, 4, 1],
    );
    assert.ok(turns > 0);
  });

  it("keeps the newest turns when the model would be full", async () => {
    const { place, done } = openHost(transcript(4, 150_000));
    const { leftOut } = await create(place);
    assert.equal(leftOut, 4);
    assert.deepEqual(done.slice(1).flat(), ["[Left out ", "question 2", "answer 2", "question 3", "answer 3"]);
  });

  it("is not made without a completed turn, and nothing is written", async () => {
    const { place, done } = openHost(transcript(0, 0));
    assert.equal((await create(place)).reason, "no-history");
    assert.equal((await create(openHost([], { getEntry: () => undefined }).place)).reason, "no-history");
    assert.deepEqual(done, []);
  });

  it("that cannot be written to its end is removed", async () => {
    const appendMessages = async () => {
      throw new Error("the host refuses");
    };
    const { place, done } = openHost(transcript(1, 5), { appendMessages });
    await assert.rejects(create(place), /the host refuses/);
    assert.match(done[1], /^deleted agent:main:parall:default:fork:/);
  });
});
