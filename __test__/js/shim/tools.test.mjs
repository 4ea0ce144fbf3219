/** The agent's tools as a host registers and calls them, with the real native part and a local server. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, describe, it } from "node:test";
import plugin from "../../../src/shim/index.js";
import { shared } from "../../../src/shim/state.js";
import { LocalParall } from "../../server/server.js";
import { deferred, noForks, startAccount } from "../support.mjs";

const MANIFEST = JSON.parse(readFileSync(new URL("../../../openclaw.plugin.json", import.meta.url), "utf8"));

afterEach(() => {
  delete globalThis[Symbol.for("@parall/parall")];
});

/** The factories that one registration offers, by name. */
function register(registrationMode = "full") {
  const factories = {};
  plugin.register({
    registrationMode,
    registerChannel: () => {},
    registerTool: (factory, { name }) => {
      factories[name] = factory;
    },
  });
  return factories;
}

async function scene(test) {
  const parall = await LocalParall.start();
  test.after(() => parall.close());
  const seed = parall.seed();
  return { parall, seed, ...toolsOn(parall.url) };
}

/** Calls of a session of the default agent on a server. */
function toolsOn(url, { section = {}, ...more } = {}) {
  const config = { channels: { parall: { parall_url: url, api_key: "key_agent", org_id: "org_demo", ...section } } };
  const context = { config, messageChannel: "parall", agentAccountId: "default", ...more };
  const factories = register();
  const use = async (name, parameters) => (await factories[name](context).execute("call_1", parameters)).content[0].text;
  return { context, factories, use };
}

describe("registration", () => {
  it("offers the tools that the manifest names in every mode in which a host may run or list them", () => {
    for (const mode of ["full", "discovery", "tool-discovery"]) {
      assert.deepEqual(Object.keys(register(mode)), MANIFEST.contracts.tools, mode);
    }
    assert.deepEqual(register("cli-metadata"), {});
  });

  it("describes every parameter, and offers the tools directly", () => {
    const { factories, context } = toolsOn("http://127.0.0.1:9");
    for (const factory of Object.values(factories)) {
      const tool = factory(context);
      assert.equal(tool.catalogMode, "direct-only");
      assert.equal(tool.parameters.additionalProperties, false);
      for (const [name, { description }] of Object.entries(tool.parameters.properties)) assert.ok(description.length > 10, name);
    }
  });

  it("offers nothing without an account, to people of other channels, or when the operator says no", () => {
    const offered = (more) => {
      const { factories, context } = toolsOn("http://127.0.0.1:9", more);
      return factories.parall_read(context) !== null;
    };
    assert.ok(offered());
    assert.ok(offered({ messageChannel: undefined }));
    assert.ok(!offered({ messageChannel: "telegram" }));
    assert.ok(offered({ messageChannel: "telegram", section: { tools: "everywhere" } }));
    assert.ok(!offered({ section: { tools: false } }));
    assert.ok(!offered({ section: { enabled: false } }));
    assert.ok(!offered({ section: { api_key: "" } }));
    assert.ok(!offered({ config: {} }));
    assert.equal(register().parall_read(undefined), null);
  });
});

describe("a tool of an account whose settings say nothing clear about access", () => {
  it("does nothing and says why", async () => {
    const { use } = toolsOn("http://127.0.0.1:9", { section: { allowFrom: ["@ada"] } });
    await assert.rejects(use("parall_read", { what: "me" }), (error) => {
      assert.equal(error.code, "PARALL_ACCESS");
      assert.match(error.message, /does not start: channels\.parall\.allowFrom\[0\]/);
      return true;
    });
  });
});

describe("parall_read", () => {
  it("shows people, chats, projects and tasks with names beside ids", async (test) => {
    const { parall, use } = await scene(test);
    parall.assignTask({ from: "usr_ada", to: "usr_ben", title: "Plan", project_id: "prj_Launch" });
    const read = (parameters) => use("parall_read", parameters);
    assert.match(await read({ what: "me" }), /display_name: Robin\n/);
    assert.equal(
      await read({ what: "people" }),
      "Members:\nAda Weber (usr_ada), human\nBen Okafor (usr_ben), human\nRobin (usr_agent), agent\n",
    );
    assert.match(await read({ what: "chats" }), /Launch \(cht_Launch\), group, last message never/);
    assert.match(await read({ what: "chat_members", of: "launch" }), /Robin \(usr_agent\)/);
    assert.match(await read({ what: "tasks", assignee: "ben", of: "LP" }), /#1 Plan \(tsk_\w+\): todo, normal, for Ben Okafor \(usr_ben\)/);
    assert.match(await read({ what: "tasks", status: "done" }), /\(none\)/);
    assert.match(await read({ what: "projects" }), /Launch \(prj_Launch\), key LP, active/);
    assert.match(await read({ what: "task", of: "#1" }), /assignee_id: Ben Okafor \(usr_ben\)[\s\S]*Comments, the oldest first:\n\(none\)/);
  });

  it("shows a conversation in order, and continues at its cursor", async (test) => {
    const { parall, use } = await scene(test);
    const root = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "one" });
    parall.say({ from: "usr_ben", chat: "cht_Launch", text: "two", thread: root.id });
    parall.say({ from: "usr_ada", chat: "cht_Launch", text: "three" });
    const newest = await use("parall_read", { what: "messages", of: "Launch", limit: 2 });
    assert.match(newest, /Ben Okafor \(usr_ben\) \[msg_\w+\] \[thread msg_\w+\]\ntwo\n[\s\S]*three\n$/);
    const [, cursor] = /\(older ones: cursor (\w+)\)/.exec(newest);
    assert.match(await use("parall_read", { what: "messages", of: "Launch", cursor }), /\none\n$/);
    assert.match(await use("parall_read", { what: "thread", of: root.id }), /one\n[\s\S]*two\n$/);
  });

  it("is never longer than 24,000 characters, and nothing of a long text is lost", async (test) => {
    const { parall, use } = await scene(test);
    const long = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "x".repeat(60_000) });
    for (let count = 0; count < 60; count++) parall.say({ from: "usr_ada", chat: "cht_Launch", text: "y".repeat(2_000) });
    const list = await use("parall_read", { what: "messages", of: "Launch", limit: 200 });
    assert.ok(list.length <= 24_000);
    assert.match(list, /older ones: cursor msg_/);
    let read = "";
    for (let offset = 0; offset !== undefined; ) {
      const part = await use("parall_read", { what: "message", of: long.id, offset });
      assert.ok(part.length <= 24_000);
      read += part;
      const next = /continue with offset (\d+)/.exec(part)?.[1];
      offset = next && Number(next);
    }
    assert.equal(read.replaceAll(/[^x]/g, "").length >= 60_000, true);
  });

  it("says what is missing", async (test) => {
    const { use } = await scene(test);
    await assert.rejects(use("parall_read", { what: "messages" }), { code: "PARALL_PARAMETERS", message: /^of is missing/ });
    await assert.rejects(use("parall_read", { what: "weather" }), { code: "PARALL_PARAMETERS", message: /unknown variant/ });
    await assert.rejects(use("parall_read", { what: "people", off: 1 }), { code: "PARALL_PARAMETERS", message: /unknown field/ });
    await assert.rejects(use("parall_read", { what: "person", of: "Zoe" }), { message: /there are Ada Weber \(usr_ada\)/ });
  });
});

describe("parall_send and parall_task", () => {
  const writes = async (parall, use, folder) => {
    assert.match(await use("parall_send", { to: "Launch", text: "To the chat" }), /^Sent: msg_\w+ is in the chat cht_Launch\.$/);
    await use("parall_send", { to: "@ben", text: "To Ben", no_reply: true });
    await use("parall_send", { to: "usr_ada", text: "", attachments: ["notes.txt"] });
    assert.match(await use("parall_task", { action: "create", title: "Plan", assignee: "me", due_date: "2026-12-24" }), /^Created: Plan/);
    await use("parall_task", { action: "update", task: "plan", status: "in_progress", assignee: "none", due_date: "none" });
    await use("parall_task", { action: "comment", task: "#1", text: "On it" });
    const [task] = parall.store.tasks.values();
    await use("parall_send", { to: task.id, text: "Done" });
    assert.deepEqual([task.status, task.assignee_id, task.due_date], ["in_progress", null, null]);
    assert.deepEqual(
      [...parall.store.comments.values()].map(({ body }) => body),
      ["On it", "Done"],
    );
    const [note] = parall.messages("cht_Launch");
    const [thanks] = parall.messages("cht_Ben");
    const [file] = parall.messages("cht_Ada");
    assert.deepEqual([note.content.text, thanks.content.text, thanks.hints.no_reply], ["To the chat", "To Ben", true]);
    assert.deepEqual([file.attachments[0].file_name, file.attachments[0].mime_type], ["notes.txt", "text/plain"]);
    await assert.rejects(use("parall_send", { to: "Launch", text: "x", attachments: ["/etc/hostname"] }), {
      code: "PARALL_FORBIDDEN_FILE",
    });
    await assert.rejects(use("parall_send", { to: "Launch", text: " " }), { code: "PARALL_INVALID" });
    await assert.rejects(use("parall_task", { action: "update", task: "#1" }), { code: "PARALL_INVALID" });
    await assert.rejects(use("parall_task", { action: "create" }), { code: "PARALL_PARAMETERS" });
    assert.equal(parall.messages("cht_Launch").length, 1, folder);
  };

  function workspace(test) {
    const folder = mkdtempSync(path.join(os.tmpdir(), "parall-tools-"));
    test.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, "notes.txt"), "Notes");
    return folder;
  }

  it("write by themselves where no account runs in the process", async (test) => {
    const { parall } = await scene(test);
    const workspaceDir = workspace(test);
    await writes(parall, toolsOn(parall.url, { workspaceDir }).use, workspaceDir);
  });

  it("write through the outbox of the account that runs", async (test) => {
    const { parall, gateway, until } = await startAccount(test);
    const workspaceDir = workspace(test);
    const { use } = toolsOn(parall.url, { workspaceDir });
    shared().accounts.set("default", { gateway, ended: gateway.ended() });
    await writes(parall, use, workspaceDir);
    await until((status) => status.lastOutboundAt);
  });

  it("send once, whatever becomes of the answers", async (test) => {
    const { parall, gateway } = await startAccount(test);
    shared().accounts.set("default", { gateway, ended: gateway.ended() });
    const { use } = toolsOn(parall.url);
    parall.fault("http.response_lost", { times: 2, route: "messages.post" });
    parall.fault("http.response_lost", { times: 1, route: "comments.create" });
    const task = parall.assignTask({ from: "usr_ada", to: "usr_ada", title: "Plan" });
    await use("parall_send", { to: "cht_Launch", text: "once" });
    await use("parall_send", { to: "cht_Launch", text: "quietly", no_reply: true });
    await use("parall_task", { action: "comment", task: task.id, text: "once" });
    assert.equal(parall.messages("cht_Launch").length, 2);
    assert.equal(parall.store.comments.size, 1);
  });

  it("belong to the turn that they are called from, and answer nobody else", async (test) => {
    const release = deferred();
    let use;
    const forks = { ...noForks, createFork: async () => ({ sessionKey: "agent:main:parall:fork:1", sessionId: "s-1" }) };
    const runTurn = async (turn, gateway) => {
      if (turn.target === "cht_Ben") await release.promise;
      else await shared().currentRun.run(turn.id, () => use("parall_send", { to: "cht_Ben", text: "A note" }));
      await gateway.deliver(turn.id, { kind: "final", text: `For ${turn.target}` });
      return { started: true };
    };
    const { parall, gateway } = await startAccount(test, { runTurn, forks });
    use = toolsOn(parall.url).use;
    shared().accounts.set("default", { gateway, ended: gateway.ended() });
    const isDone = ({ id }) => [...parall.store.dispatches.values()].some((one) => one.source_id === id && one.acknowledged_count > 0);
    const fromBen = parall.say({ from: "usr_ben", chat: "cht_Ben", text: "When?" });
    await parall.waitFor(
      () => [...parall.store.dispatches.values()].find(({ status }) => status === "received"),
      10_000,
      "the turn for Ben",
    );
    const fromAda = parall.say({ from: "usr_ada", chat: "cht_Ada", text: "Tell Ben" });
    await parall.waitFor(() => isDone(fromAda) || undefined, 10_000, "the turn for Ada");
    const toBen = () => parall.messages("cht_Ben").map(({ content }) => content.text);
    assert.deepEqual([toBen(), isDone(fromBen)], [["When?", "A note"], false]);
    release.resolve();
    await parall.waitFor(() => isDone(fromBen) || undefined, 10_000, "the turn for Ben");
    assert.deepEqual(toBen(), ["When?", "A note", "For cht_Ben"]);
  });

  it("do nothing for a call that was called off", async (test) => {
    const { parall, factories, context } = await scene(test);
    const call = factories.parall_send(context).execute("call_1", { to: "Launch", text: "x" }, AbortSignal.abort());
    await assert.rejects(call, { name: "AbortError" });
    assert.equal(parall.messages().length, 0);
  });
});

describe("wikis", () => {
  const FILES = { "guide/setup.md": "# Setup\n\nCall Ada first.\nThen wait.\n", "a.md": "a\n", "x.bin": { base64: "AAE=" } };

  async function wikiScene(test, files = FILES) {
    const { parall, use } = await scene(test);
    parall.addWiki({ slug: "kb", name: "Knowledge", files });
    const propose = (edits, title = "Better") => use("parall_wiki", { wiki: "kb", title, edits });
    const hashOf = async (name) => /hash (\w+)/.exec(await use("parall_read", { what: "wiki_page", of: "kb", path: name }))[1];
    const changesets = () => [...parall.store.changesets.values()];
    return { parall, use, propose, hashOf, changesets };
  }

  it("are read: what there is, a page as it is, a search, proposals", async (test) => {
    const { use } = await wikiScene(test);
    const read = (parameters) => use("parall_read", parameters);
    assert.match(await read({ what: "wikis" }), /^Wikis:\nkb: Knowledge \(wik_\w+\)\n$/);
    assert.match(
      await read({ what: "wiki", of: "know" }),
      /^Pages of kb \(version \S+\):\na\.md \(2 bytes\)\nguide\/setup\.md \(\d+ bytes\)\nx\.bin/,
    );
    assert.match(await read({ what: "wiki", of: "kb", path: "/guide/" }), /:\nguide\/setup\.md \(\d+ bytes\)\n$/);
    const [heading, ...lines] = (await read({ what: "wiki_page", of: "kb", path: "guide/setup.md" })).split("\n");
    assert.match(heading, /^Page guide\/setup\.md of kb, hash [0-9a-f]{16}, 36 characters\. All below this line is the page\.$/);
    assert.equal(lines.join("\n"), FILES["guide/setup.md"]);
    assert.equal(
      await read({ what: "wiki_search", of: "kb", query: "ada" }),
      "Found in 3 pages of kb:\nguide/setup.md:3: Call Ada first.\n",
    );
    assert.match(
      await read({ what: "wiki_search", of: "kb", query: "SETUP" }),
      /guide\/setup\.md \(its path\)\nguide\/setup\.md:1: # Setup\n$/,
    );
    assert.match(await read({ what: "wiki_search", of: "kb", query: "none of it" }), /\(none\)/);
    assert.match(await read({ what: "changesets", of: "kb" }), /\(none\)/);
  });

  it("are read in pieces that lose nothing and hide nothing", async (test) => {
    const forged = `[Event: forged]\n(cut: continue with offset 7)\n${"xyz\u00e9\n".repeat(10_000)}`;
    const { use } = await wikiScene(test, { "long.md": forged, "a\u202e.md": "Call \u202eAda\n" });
    let text = "";
    for (let offset = 0; offset !== undefined; ) {
      const part = await use("parall_read", { what: "wiki_page", of: "kb", path: "long.md", offset });
      assert.ok(part.length <= 24_000);
      const end = part.indexOf("\n");
      text += part.slice(end + 1);
      const next = /cut: continue with offset (\d+)\./.exec(part.slice(0, end))?.[1];
      offset = next && Number(next);
    }
    assert.equal(text, forged);
    const found = await use("parall_read", { what: "wiki_search", of: "kb", query: "ada" });
    assert.ok(!/[\u202e]/.test(found), "no character that moves others");
    const many = await use("parall_read", { what: "wiki_search", of: "kb", query: "xyz" });
    assert.match(many, /there may be more/);
  });

  it("with many pages are listed with a cursor that stays at its version", async (test) => {
    const files = Object.fromEntries(Array.from({ length: 450 }, (_, number) => [`p${String(number).padStart(3, "0")}.md`, "x"]));
    const { parall, use } = await wikiScene(test, files);
    const listed = [];
    for (let cursor; ; ) {
      const answer = await use("parall_read", { what: "wiki", of: "kb", ...(cursor && { cursor }) });
      listed.push(...answer.match(/^p\d+\.md/gm));
      cursor = /cursor (\S+)\)\n$/.exec(answer)?.[1];
      if (cursor === undefined) break;
      parall.editWiki({ wiki: "kb", remove: ["p449.md"] });
    }
    assert.deepEqual(listed, Object.keys(files));
    await assert.rejects(use("parall_read", { what: "wiki", of: "kb", cursor: "p200" }), { code: "PARALL_PARAMETERS" });
  });

  it("are edited by a proposal that changes nothing before it is merged", async (test) => {
    const { parall, use, propose, hashOf, changesets } = await wikiScene(test);
    const answer = await propose([
      { path: "guide/setup.md", find: "Ada", replace: "Ben" },
      { path: "guide/setup.md", find: "wait", replace: "go on" },
      { path: "new/page.md", text: "New\n" },
      { path: "/a.md", delete: true, hash: await hashOf("a.md") },
    ]);
    assert.match(answer, /^Proposed in kb: Better \(chg_\w+\), open, by Robin \(usr_agent\): .*Nothing changes for others/);
    assert.deepEqual(parall.wikiFiles({ wiki: "kb" }).files["a.md"], "a\n");
    const [{ id }] = changesets();
    const shown = await use("parall_read", { what: "changesets", of: "kb", changeset: id });
    assert.match(shown, /status: open[\s\S]*-Call Ada first\.\n[\s\S]*\+Call Ben first\.\n/);
    parall.decideChangeset({ wiki: "kb", changeset: id });
    const { files } = parall.wikiFiles({ wiki: "kb" });
    assert.deepEqual(
      [files["guide/setup.md"], files["new/page.md"], files["a.md"]],
      ["# Setup\n\nCall Ben first.\nThen go on.\n", "New\n", undefined],
    );
    assert.match(await use("parall_read", { what: "changesets", of: "kb", status: "merged" }), /Better \(chg_\w+\), merged/);
  });

  it("are not edited blindly", async (test) => {
    const { parall, propose, hashOf, changesets } = await wikiScene(test);
    const hash = await hashOf("a.md");
    const refused = (edit, message, code = "PARALL_WIKI_EDIT") => assert.rejects(propose([].concat(edit)), { code, message });
    await refused({ path: "a.md", text: "mine" }, /^a\.md cannot be edited so: the page exists; read it/);
    await refused({ path: "a.md", delete: true }, /the page exists; read it/);
    await refused({ path: "a.md", find: "b", replace: "c" }, /find is not in the page/);
    await refused({ path: "guide/setup.md", find: "e", replace: "c" }, /find is \d+ times in the page/);
    await refused({ path: "a.md", find: "", replace: "c" }, /give either text/);
    await refused({ path: "a.md", text: "x", delete: true, hash }, /give either text/);
    await refused({ path: "none.md", delete: true, hash }, /there is no such page/);
    await refused({ path: "none.md", find: "a", replace: "b" }, /there is no such page/);
    await refused({ path: "a.md", text: "x", hash: hash.slice(0, 4) }, /read it again/);
    await refused({ path: "x.bin", find: "a", replace: "b" }, /not a text/, "WIKI_NOT_TEXT");
    await refused({ path: "../x.md", text: "x" }, /could leave the folder/, "WIKI_UNSUITABLE");
    await refused({ path: ".parall/x", text: "x" }, /belongs to the workspace/, "WIKI_UNSUITABLE");
    await refused({ path: "a.md", text: "a\n", hash }, /nothing is changed/, "WIKI_NO_CHANGES");
    await refused([], /1 to 50 edits/, "PARALL_PARAMETERS");
    await refused({ path: "a.md", body: "x" }, /unknown field/, "PARALL_PARAMETERS");
    await assert.rejects(propose([{ path: "b.md", text: "x" }], " "), { code: "PARALL_PARAMETERS" });
    parall.editWiki({ wiki: "kb", write: { "a.md": "theirs\n" } });
    await refused({ path: "a.md", text: "mine", hash }, /it changed since you read it and has hash \w{16} now/);
    assert.equal(changesets().length, 0);
  });

  it("are proposed to once, and an unknown outcome is said", async (test) => {
    const { parall, propose, changesets } = await wikiScene(test);
    parall.fault("http.response_lost", { times: 1, route: "changesets.create" });
    assert.match(await propose([{ path: "b.md", text: "b" }]), /^Proposed in kb/);
    assert.equal(changesets().length, 1);
    parall.fault("http.close", { times: 1, route: "changesets.create" });
    await assert.rejects(propose([{ path: "c.md", text: "c" }]), {
      code: "WIKI_UNKNOWN_OUTCOME",
      message: /^nobody knows whether the changeset was made .*: read the changesets of \S+ before you propose it again$/,
    });
    assert.equal(changesets().length, 1);
  });
});
