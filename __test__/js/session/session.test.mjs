import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import * as published from "../../../src/shim/native.js";
import { KEY, native, SessionsFolder } from "../../session/folder.mjs";

describe("the session functions of the native part", () => {
  /** @type {SessionsFolder} */
  let folder;
  beforeEach(() => {
    folder = new SessionsFolder();
  });
  afterEach(() => folder.dispose());

  const idsOf = (file) =>
    readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => JSON.parse(line).id);

  it("are offered by @parall/parall/native", async () => {
    assert.equal(await published.resolveTranscriptFile(folder.root, KEY), folder.transcript);
    const names = Object.keys(native).filter((name) => /Session|Transcript|Leftovers/.test(name));
    const offered = Object.keys(published);
    assert.deepEqual(
      names.filter((name) => !offered.includes(name)),
      [],
    );
  });

  it("find the orchestrator's transcript, fork it at the last completed turn and clean up", async () => {
    const transcriptFile = await native.resolveTranscriptFile(folder.root, KEY.toUpperCase());
    assert.equal(transcriptFile, folder.transcript);
    const fork = await folder.fork();
    assert.deepEqual(idsOf(fork.sessionFile), ["u0", "a0", "u1", "a1", "u2", "a2"]);
    assert.equal(fork.sessionKey, `${KEY}:fork:${fork.sessionId}`);
    assert.deepEqual(folder.entries()[fork.sessionKey], JSON.parse(fork.entry));
    await folder.cleanUp(fork);
    assert.equal(existsSync(fork.sessionFile), false);
    assert.equal(fork.sessionKey in folder.entries(), false);
  });

  it("cut at the leaf or at an entry when asked to", async () => {
    const pending = { type: "message", id: "u3", parentId: "a2", message: { role: "user", content: "running" } };
    writeFileSync(folder.transcript, `${readFileSync(folder.transcript)}${JSON.stringify(pending)}\n`);
    assert.equal(idsOf((await folder.fork({ cut: "last-completed" })).sessionFile).at(-1), "a2");
    assert.equal(idsOf((await folder.fork({ cut: "leaf" })).sessionFile).at(-1), "u3");
    assert.equal(idsOf((await folder.fork({ cut: { entryId: "u1" } })).sessionFile).at(-1), "u1");
    await assert.rejects(folder.fork({ cut: "middle" }), { code: "PARALL_SESSION_BAD_CUT" });
    await assert.rejects(folder.fork({ cut: { entryId: "nobody" } }), { code: "PARALL_SESSION_NO_SUCH_ENTRY" });
  });

  it("leave the store to a host that writes it itself", async () => {
    const before = readFileSync(folder.store, "utf8");
    const fork = await folder.fork({ registerEntry: false });
    assert.equal(JSON.parse(fork.entry).sessionFile, path.basename(fork.sessionFile));
    await folder.cleanUp(fork, { removeEntry: false });
    assert.equal(existsSync(fork.sessionFile), false);
    assert.equal(readFileSync(folder.store, "utf8"), before);
  });

  it("answer null where there is nothing: no transcript, no answer yet, no entry", async () => {
    assert.equal(await native.resolveTranscriptFile(folder.root, "agent:main:nobody"), null);
    assert.equal(await folder.fork({ transcriptFile: path.join(folder.root, "none.jsonl") }), null);
    writeFileSync(folder.transcript, readFileSync(folder.transcript, "utf8").split("\n")[0]);
    assert.equal(await folder.fork(), null);
    assert.equal(await native.readSessionEntry(folder.store, "agent:main:nobody"), null);
  });

  it("read, set and delete entries of the store", async () => {
    await native.upsertSessionEntry(folder.store, "Agent:Main:New", '{"sessionId":"n"}');
    assert.equal(await native.readSessionEntry(folder.store, "agent:main:new"), '{"sessionId":"n"}');
    assert.equal(await native.deleteSessionEntry(folder.store, "AGENT:main:new"), true);
    assert.equal(await native.deleteSessionEntry(folder.store, "agent:main:new"), false);
    assert.deepEqual(folder.entries()["agent:main:other"], folder.bystander);
  });

  it("find and remove what an earlier process left, but nothing that is in use", async () => {
    const [used, left] = [await folder.fork(), await folder.fork()];
    const options = { ...folder.leftovers(), alive: [used.sessionKey] };
    const found = { sessionKeys: [left.sessionKey], sessionFiles: [left.sessionFile] };
    assert.deepEqual(await native.findForkLeftovers(options), found);
    assert.deepEqual(await native.removeForkLeftovers(options), found);
    assert.deepEqual([existsSync(used.sessionFile), existsSync(left.sessionFile)], [true, false]);
    assert.deepEqual(await native.findForkLeftovers(options), { sessionKeys: [], sessionFiles: [] });
  });

  it("reject with stable codes and leave files alone", async () => {
    writeFileSync(folder.store, "{ not json");
    await assert.rejects(native.resolveTranscriptFile(folder.root, KEY), { code: "PARALL_SESSION_BAD_STORE", message: /byte 2/ });
    await assert.rejects(folder.fork(), { code: "PARALL_SESSION_BAD_STORE" });
    assert.equal(readFileSync(folder.store, "utf8"), "{ not json");
    await assert.rejects(folder.fork({ transcriptFile: folder.store }), { code: "PARALL_SESSION_NOT_A_TRANSCRIPT" });
    await assert.rejects(folder.fork({ transcriptFile: "/etc/passwd" }), { code: "PARALL_SESSION_OUTSIDE" });
    await assert.rejects(folder.fork({ orchestratorSessionKey: " " }), { code: "PARALL_SESSION_EMPTY_KEY" });
    await assert.rejects(folder.fork({ sessionsDir: path.join(folder.root, "none") }), { code: "PARALL_SESSION_READ" });
    const stranger = { sessionKey: KEY, sessionFile: folder.transcript };
    await assert.rejects(folder.cleanUp(stranger), { code: "PARALL_SESSION_NOT_A_FORK" });
    await assert.rejects(native.upsertSessionEntry(folder.store, "k", "[]"), { code: "PARALL_SESSION_BAD_ENTRY" });
  });

  it("let the event loop turn while a large transcript is forked", async () => {
    const large = new SessionsFolder({ turns: 4000, length: 4000 });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    const fork = await large.fork();
    clearInterval(timer);
    assert.ok(turns > 3, `${turns} turns`);
    assert.equal(idsOf(fork.sessionFile).length, 8000);
    large.dispose();
  });
});
