import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { ScriptedModel } from "../model/model.js";
import { native } from "../session/folder.mjs";
import { Host } from "./host.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

const PLUGIN = fileURLToPath(new URL("../session/host-plugin", import.meta.url));
const MAIN = "agent:main:fork-probe:account";
const LIMIT_MS = 180_000;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Only this one keeps its sessions in files. */
const RELEASE = HOST_VERSIONS.find(({ version }) => version === "2026.4.2");

describe("forks on a host that keeps sessions in files (2026.4.2)", { skip: RELEASE === undefined }, () => {
  let host;
  let model;
  let control;
  let sessionsDir;
  let store;

  before(async () => {
    model = await ScriptedModel.start();
    host = new Host(RELEASE);
    control = await freePort();
    sessionsDir = path.join(host.stateDir, "agents", "main", "sessions");
    store = path.join(sessionsDir, "sessions.json");
    const id = "scripted-1";
    const scripted = { id, name: id, reasoning: false, input: ["text"], contextWindow: 200_000, maxTokens: 4096 };
    const provider = { baseUrl: model.baseUrl, apiKey: "sk-scripted", api: "openai-completions" };
    const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
    await host.configure({
      models: { providers: { scripted: { ...provider, models: [{ ...scripted, cost }] } } },
      agentDefaults: { model: { primary: `scripted/${id}` } },
      channels: { "fork-probe": { enabled: true, controlPort: control } },
      plugins: { allow: ["fork-probe"], entries: { "fork-probe": { enabled: true } }, load: { paths: [PLUGIN] } },
    });
    await host.start();
    await host.until("the probe listens", () => fetch(`http://127.0.0.1:${control}`, { method: "POST", body: "{}" }).then(() => true));
  });
  after(async () => {
    await host?.dispose();
    await model?.close();
  });

  const say = async (sessionKey, text) => {
    const body = JSON.stringify({ sessionKey, text });
    const answer = await (await fetch(`http://127.0.0.1:${control}`, { method: "POST", body })).json();
    assert.ok(Array.isArray(answer), answer.error);
    return answer.join("\n");
  };
  const asked = (mark) => model.waitForRequest((request) => request.user.includes(mark), LIMIT_MS);
  const seen = (request) => request.messages.map(({ text }) => text).join("\n");
  const entries = () => JSON.parse(readFileSync(store, "utf8"));
  const fork = async (options = {}) => {
    const transcriptFile = await native.resolveTranscriptFile(sessionsDir, MAIN);
    return native.forkOrchestratorSession({ orchestratorSessionKey: MAIN, accountId: "default", transcriptFile, sessionsDir, ...options });
  };

  it("a fork made while the parent runs shows the model the history up to the last completed turn and nothing after it", async () => {
    await say(MAIN, "first MARK-ONE [[say:answer-one]]");
    await say(MAIN, "second MARK-TWO [[say:answer-two]]");
    const running = say(MAIN, "running MARK-RUNNING [[hold:busy]] [[say:answer-running]]");
    await asked("MARK-RUNNING");

    const made = await fork();
    assert.match(await say(made.sessionKey, "forked MARK-FORKED [[say:answer-forked]]"), /answer-forked/);
    const inFork = seen(await asked("MARK-FORKED"));
    for (const mark of ["MARK-ONE", "answer-one", "MARK-TWO", "answer-two", "MARK-FORKED"])
      assert.ok(inFork.includes(mark), `${mark} is missing`);
    assert.ok(!inFork.includes("MARK-RUNNING"), "the running turn is in the fork");
    assert.ok(readFileSync(made.sessionFile, "utf8").includes("answer-forked"), "the host continues in our file");

    model.release("busy");
    assert.match(await running, /answer-running/);
    await say(MAIN, "later MARK-LATER");
    const later = seen(await asked("MARK-LATER"));
    assert.ok(later.includes("answer-running") && !later.includes("MARK-FORKED"), "the parent does not know of the fork");

    await native.cleanupForkSession({ ...made, sessionsDir });
    assert.equal(existsSync(made.sessionFile), false);
    assert.equal(made.sessionKey in entries(), false);
  });

  it("a fork at an entry ends with that entry", async () => {
    const transcript = await native.resolveTranscriptFile(sessionsDir, MAIN);
    const lines = readFileSync(transcript, "utf8").trim().split("\n").map(JSON.parse);
    const entryId = lines.find(({ message }) => message?.role === "assistant" && JSON.stringify(message).includes("answer-one")).id;
    const made = await fork({ cut: { entryId } });
    await say(made.sessionKey, "cut MARK-CUT");
    const inFork = seen(await asked("MARK-CUT"));
    assert.ok(inFork.includes("answer-one") && !inFork.includes("MARK-TWO"));
    await native.cleanupForkSession({ ...made, sessionsDir });
  });

  it("neither the host nor we lose an entry when both write the store", async () => {
    const theirs = Array.from({ length: 6 }, (_, index) => `agent:main:fork-probe:chat-${index}`);
    const ours = Array.from({ length: 60 }, (_, index) => `agent:main:ours:${index}`);
    const writing = (async () => {
      for (const key of ours) await native.upsertSessionEntry(store, key, JSON.stringify({ sessionId: key.replaceAll(":", "-") }));
    })();
    await Promise.all([...theirs.map((key) => say(key, `hello MARK-${key.at(-1)}`)), writing]);
    const all = entries();
    for (const key of [...theirs, ...ours, MAIN]) assert.ok(key in all, `${key} was lost`);
  });
});
