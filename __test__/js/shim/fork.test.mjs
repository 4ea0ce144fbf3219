/** Which way a fork is made, and the way through files on a disk. The hosts here are only as much as the plugin asks of them. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { createFork, detectForkBackend, findLeftoverForks, removeFork } from "../../../src/shim/forks/fork.js";

const PARENT = "agent:main:parall:default";
const call = () => {};
const runtimeWith = (...names) => ({ agent: { session: Object.fromEntries(names.map((name) => [name, call])) } });
const channel = { session: { resolveStorePath: call } };

describe("the backend", () => {
  const cases = [
    ["files under the host's lock", runtimeWith("loadSessionStore", "saveSessionStore"), "files", /lock/],
    [
      "files through the host",
      runtimeWith("loadSessionStore", "saveSessionStore", "updateSessionStore", "upsertSessionEntry"),
      "files",
      /by the host/,
    ],
    ["nothing when the store can only be read", runtimeWith("loadSessionStore"), "none", /no safe way/],
    [
      "nothing when session calls cannot be imported",
      runtimeWith("upsertSessionEntry", "getSessionEntry"),
      "none",
      /listEntries, readEvents/,
    ],
    ["nothing when nothing is offered", {}, "none", /no session calls/],
    ["nothing without a runtime", undefined, "none", /no session calls/],
  ];
  for (const [name, runtime, kind, reason] of cases) {
    it(`is ${name}`, async () => {
      const found = await detectForkBackend(runtime, channel);
      assert.equal(found.kind, kind);
      assert.match(found.reason, reason);
      assert.deepEqual(Object.keys(found), ["kind", "reason"]);
    });
  }

  it("is nothing when the host does not say where sessions are", async () => {
    assert.equal((await detectForkBackend(runtimeWith("loadSessionStore", "saveSessionStore"), {})).kind, "none");
  });

  it("that does not exist makes no fork, finds none and removes none", async () => {
    const request = { runtime: {}, channel, parentSessionKey: PARENT };
    assert.deepEqual(await createFork(request), { reason: "no-backend" });
    assert.deepEqual(await findLeftoverForks(request), []);
    const sessionId = "11111111-2222-4333-8444-555555555555";
    await assert.rejects(removeFork({ ...request, fork: { sessionKey: `${PARENT}:fork:${sessionId}`, sessionId } }), /cannot be removed/);
  });
});

for (const registered of ["under the host's lock", "by the host"]) {
  describe(`a fork in files, registered ${registered}`, () => {
    it("is none where the host has not had a session yet", async (test) => {
      const host = openHost(test, registered === "by the host");
      const storePath = path.join(os.tmpdir(), "parall-no-such-folder", "sessions.json");
      const nowhere = { session: { resolveStorePath: () => storePath } };
      assert.deepEqual(await findLeftoverForks({ ...host.request, channel: nowhere }), []);
    });

    it("is made, found and removed, and nothing else changes", async (test) => {
      const host = openHost(test, registered === "by the host");
      const before = host.snapshot();
      const { fork } = await createFork(host.request);
      assert.equal(fork.sessionKey, `${PARENT}:fork:${fork.sessionId}`);
      const lines = readFileSync(fork.sessionFile, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.slice(1).map(({ id }) => id),
        ["a", "b"],
      );
      assert.equal(host.store()[fork.sessionKey].sessionId, fork.sessionId);
      assert.equal(host.store()[fork.sessionKey].forkedFromParent, true);
      assert.deepEqual(await findLeftoverForks(host.request), [fork]);
      for (const end of [".trajectory.jsonl", ".trajectory-path.json"]) writeFileSync(fork.sessionFile.replace(".jsonl", end), "{}");
      await removeFork({ ...host.request, fork });
      await removeFork({ ...host.request, fork });
      assert.deepEqual(host.snapshot(), before);
      assert.deepEqual(await findLeftoverForks(host.request), []);
    });

    it("of which only the entry or only the transcript is left is found and removed", async (test) => {
      const host = openHost(test, registered === "by the host");
      const before = host.snapshot();
      const { fork: bare } = await createFork(host.request);
      rmSync(bare.sessionFile);
      assert.deepEqual(await findLeftoverForks(host.request), [{ sessionKey: bare.sessionKey, sessionId: bare.sessionId }]);
      const { fork: hidden } = await createFork(host.request);
      const { [hidden.sessionKey]: _, ...rest } = host.store();
      writeFileSync(host.storePath, JSON.stringify(rest, null, 2));
      const found = await findLeftoverForks(host.request);
      assert.deepEqual(new Set(found.map(({ sessionId }) => sessionId)), new Set([bare.sessionId, hidden.sessionId]));
      for (const fork of found) await removeFork({ ...host.request, fork });
      assert.deepEqual(host.snapshot(), before);
    });

    it("is not made without a history, without a session, or when the model would be full", async (test) => {
      const host = openHost(test, registered === "by the host");
      const create = (change) => createFork({ ...host.request, ...change });
      assert.deepEqual(await create({ parentSessionKey: "agent:main:parall:nobody" }), { reason: "no-history" });
      assert.deepEqual(await create({ parentSessionKey: "agent:main:parall:asked" }), { reason: "no-history" });
      const cfg = { agents: { defaults: { contextTokens: 1000 } } };
      const refused = await create({ cfg });
      assert.equal(refused.reason, "over-budget");
      assert.match(refused.detail, /901 tokens, 900 are allowed/);
      assert.ok((await create({ cfg: { agents: { defaults: { contextTokens: 1002 } } } })).fork);
    });
  });
}

describe("a fork that the host does not register", () => {
  it("leaves no transcript behind", async (test) => {
    const host = openHost(test, true);
    const before = host.snapshot();
    host.request.runtime.agent.session.updateSessionStore = async () => {
      throw new Error("the host refuses");
    };
    await assert.rejects(createFork(host.request), /the host refuses/);
    assert.deepEqual(host.snapshot(), before);
  });
});

/** A sessions folder with a parent that has an answer and a running question, and one that has only a question. */
function openHost(test, hostWrites) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-fork-"));
  test.after(() => rmSync(folder, { recursive: true }));
  const storePath = path.join(folder, "sessions.json");
  const store = () => JSON.parse(readFileSync(storePath, "utf8"));
  const header = { type: "session", version: 3, id: "parent", timestamp: "2026-01-01T00:00:00.000Z", cwd: "/" };
  const entry = (id, parentId, message) => ({ type: "message", id, parentId, timestamp: header.timestamp, message });
  const asked = [header, entry("a", null, { role: "user", content: "one" })];
  const answer = entry("b", "a", { role: "assistant", content: [], stopReason: "stop", usage: { input: 901 } });
  const write = (name, entries) => writeFileSync(path.join(folder, name), `${entries.map((one) => JSON.stringify(one)).join("\n")}\n`);
  write("parent.jsonl", [...asked, answer, entry("c", "b", { role: "user", content: "running" })]);
  write("asked.jsonl", asked);
  const entries = { [PARENT]: { sessionId: "parent" }, "agent:main:parall:asked": { sessionId: "asked" } };
  writeFileSync(storePath, JSON.stringify(entries, null, 2));
  const session = { loadSessionStore: store, saveSessionStore: call };
  if (hostWrites) {
    session.updateSessionStore = async (file, change) => {
      const content = JSON.parse(readFileSync(file, "utf8"));
      change(content);
      writeFileSync(file, JSON.stringify(content, null, 2));
    };
  }
  return {
    ...{ storePath, store },
    request: {
      ...{ runtime: { agent: { session } }, cfg: {}, agentId: "main", accountId: "default", parentSessionKey: PARENT.toUpperCase() },
      channel: { session: { resolveStorePath: () => storePath } },
    },
    snapshot: () =>
      readdirSync(folder)
        .sort()
        .map((name) => [name, existsSync(storePath) && name === "sessions.json" ? store() : readFileSync(path.join(folder, name), "utf8")]),
  };
}
