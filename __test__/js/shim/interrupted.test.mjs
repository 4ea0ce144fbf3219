/** What the newest hosts note about interrupted turns is removed before ours begins, once a process. */
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { interruptedSessions, takeOver } from "../../../src/shim/gateway/interrupted.js";

const MAIN = "agent:main:parall:default-usr_agent";
const INTERRUPTED = { sessionId: "s1", status: "running", abortedLastRun: true, mainRestartRecovery: { revision: 1 }, model: "m" };
/** A turn that ended just before the crash: the host ignores its message, though its answer went nowhere. */
const ENDED = { sessionId: "s2", status: "done", restartRecoveryTerminalRunIds: ["channel-user:v1:abc"] };

beforeEach(() => {
  delete globalThis[Symbol.for("@parall/parall")];
});

describe("interrupted turns", () => {
  it("are ours alone: the host forgets them and keeps everything else of the session", async () => {
    const host = fakeHost({ [MAIN]: INTERRUPTED, [`${MAIN}:fork:1`]: ENDED });
    await takeOver(host.place, interruptedSessions(host.place));
    assert.deepEqual(host.stored(MAIN), { sessionId: "s1", status: "killed", model: "m" });
    assert.deepEqual(host.stored(`${MAIN}:fork:1`), { sessionId: "s2", status: "done" });
  });

  it("of other channels and accounts, and sessions without notes, are left alone", () => {
    const idle = { sessionId: "s3", status: "done", abortedLastRun: false };
    const { place } = fakeHost({ "agent:main:main": INTERRUPTED, "agent:main:parall:other-usr_agent": INTERRUPTED, [MAIN]: idle });
    assert.deepEqual(interruptedSessions(place), []);
  });

  it("of an account whose id begins with this one's are left alone", () => {
    const { place } = fakeHost({ "agent:main:parall:default-two-usr_agent": INTERRUPTED, [MAIN]: INTERRUPTED });
    place.cfg = { channels: { parall: { api_key: "k", accounts: { "default-two": { api_key: "l" } } } } };
    assert.deepEqual(
      interruptedSessions(place).map(({ sessionKey }) => sessionKey),
      [MAIN],
    );
  });

  it("are looked for once a process: later on, a turn may be running", () => {
    const { place } = fakeHost({ [MAIN]: INTERRUPTED });
    assert.equal(interruptedSessions(place).length, 1);
    assert.deepEqual(interruptedSessions(place), []);
  });

  it("do not exist where the host has no calls for them", () => {
    const { place } = fakeHost({});
    assert.deepEqual(interruptedSessions({ ...place, runtime: { agent: { session: { loadSessionStore() {} } } } }), []);
    assert.deepEqual(place.logged, []);
  });

  it("that cannot be read or changed are reported and keep nothing from starting", async () => {
    const { place } = fakeHost({ [MAIN]: INTERRUPTED });
    place.runtime.agent.session.updateSessionStoreEntry = async () => {
      throw new Error("not yours");
    };
    await takeOver(place, interruptedSessions(place));
    assert.match(place.logged[0], /^warn .*could not be removed: not yours/);

    const other = fakeHost({}).place;
    other.ctx = { accountId: "another" };
    other.runtime.agent.session.listSessionEntries = () => {
      throw new Error("locked");
    };
    assert.deepEqual(interruptedSessions(other), []);
    assert.match(other.logged[0], /^warn .*could not be read: locked/);
  });
});

/** A host that keeps entries as JSON, as the real one does. */
function fakeHost(entries) {
  const store = new Map(Object.entries(entries).map(([key, entry]) => [key, JSON.stringify(entry)]));
  const stored = (key) => JSON.parse(store.get(key));
  const session = {
    listSessionEntries: () => [...store.keys()].map((sessionKey) => ({ sessionKey, entry: stored(sessionKey) })),
    updateSessionStoreEntry: async ({ sessionKey, storePath, update }) => {
      assert.equal(storePath, "store of main");
      store.set(sessionKey, JSON.stringify({ ...stored(sessionKey), ...update(stored(sessionKey)) }));
    },
  };
  const logged = [];
  const place = {
    ctx: { accountId: "default" },
    runtime: { agent: { session } },
    channel: { session: { resolveStorePath: (_store, { agentId }) => `store of ${agentId}` } },
    cfg: {},
    agentId: "main",
    log: (level, message) => logged.push(`${level} ${message}`),
    logged,
  };
  return { place, stored };
}
