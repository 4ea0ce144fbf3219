/** The agent uses its tools on a real OpenClaw, and Parall holds what it did. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { ANSWER_LIMIT_MS, answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { TOOL_VERSIONS } from "./versions.mjs";

for (const release of TOOL_VERSIONS) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
    });
    after(() => closeScene(scene));

    let turns = 0;
    /** Lets the agent call a tool; resolves with what the tool answered. */
    async function use(tool, parameters) {
      const done = `Done ${++turns}.`;
      scene.parall.say({
        from: "usr_ada",
        chat: scene.people.direct.ada,
        text: `Please. [[tool:${tool} ${JSON.stringify(parameters)}]][[say:${done}]]`,
      });
      await answerWith(scene, done);
      return scene.model.requests.at(-1).messages.findLast(({ role }) => role === "tool").text;
    }
    /** The folder of a skill as the model sees it. */
    const installedSkill = ({ model }) => {
      const [, file] = /<location>([^<]*parall-platform\/SKILL\.md)<\/location>/.exec(model.requests.at(-1).messages[0].text);
      return path.dirname(file.replace(/^~/, path.join(scene.host.root, "home")));
    };
    const store = () => scene.parall.store;

    it("is offered the tools directly", async () => {
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "Hello [[say:Hello.]]" });
      const { tools } = await scene.model.waitForRequest(({ user }) => user.includes("Hello "), ANSWER_LIMIT_MS);
      for (const name of ["parall_read", "parall_send", "parall_task", "parall_wiki"])
        assert.ok(tools.includes(name), `${name} in ${tools}`);
      await answerWith(scene, "Hello.");
    });

    it("looks a person up", async () => {
      assert.match(await use("parall_read", { what: "people" }), /Ben Okafor \(usr_ben\), human/);
      assert.match(await use("parall_read", { what: "person", of: "ben" }), /display_name: Ben Okafor/);
    });

    it("writes to another chat and to a person, and answers where it was asked", async () => {
      assert.match(await use("parall_send", { to: "Launch", text: "The launch is on." }), /Sent: msg_\w+ is in the chat cht_Launch/);
      const [note] = answers(scene, scene.people.group);
      assert.equal(note.content.text, "The launch is on.");
      await use("parall_send", { to: "Ben Okafor", text: "Thanks, Ben.", no_reply: true });
      const [thanks] = answers(scene, scene.people.direct.ben);
      assert.deepEqual([thanks.content.text, thanks.hints.no_reply], ["Thanks, Ben.", true]);
      assert.equal(answers(scene, scene.people.direct.ada).at(-1).content.text, `Done ${turns}.`);
    });

    it("makes a task, works on it and reports", async () => {
      assert.match(
        await use("parall_task", { action: "create", title: "Write notes", assignee: "ben", project: "LP" }),
        /Created: Write notes/,
      );
      const task = [...store().tasks.values()].at(-1);
      assert.deepEqual([task.title, task.assignee_id, task.project_id], ["Write notes", "usr_ben", "prj_Launch"]);
      assert.match(await use("parall_task", { action: "update", task: "Write notes", status: "done" }), /Changed: .*done/);
      assert.equal(store().tasks.get(task.id).status, "done");
      assert.match(await use("parall_task", { action: "comment", task: task.id, text: "Notes are written." }), /Sent: cmt_/);
      const [comment] = [...store().comments.values()].filter(({ target_uri: target }) => target === `prll://${task.id}`);
      assert.deepEqual([comment.body, comment.author_id], ["Notes are written.", scene.people.agent.id]);
      assert.match(await use("parall_read", { what: "task", of: task.id }), /Notes are written\./);
    });

    it("reads a wiki page and proposes a change of it", async () => {
      scene.parall.addWiki({ slug: "kb", name: "Knowledge", files: { "guide/setup.md": "Call Ada first.\n" } });
      assert.match(await use("parall_read", { what: "wiki_search", of: "kb", query: "call" }), /guide\/setup\.md:1: Call Ada first\./);
      assert.match(await use("parall_read", { what: "wiki_page", of: "kb", path: "guide/setup.md" }), /the page\.\nCall Ada first\./);
      const edits = [{ path: "guide/setup.md", find: "Ada", replace: "Ben" }];
      assert.match(await use("parall_wiki", { wiki: "kb", title: "Ask Ben", edits }), /Proposed in kb: Ask Ben \(chg_\w+\), open/);
      const [changeset] = [...store().changesets.values()];
      assert.deepEqual([changeset.title, changeset.author_id, changeset.changes.length], ["Ask Ben", scene.people.agent.id, 1]);
      assert.equal(scene.parall.wikiFiles({ wiki: "kb" }).files["guide/setup.md"], "Call Ada first.\n");
      scene.parall.decideChangeset({ wiki: "kb", changeset: changeset.id });
      assert.equal(scene.parall.wikiFiles({ wiki: "kb" }).files["guide/setup.md"], "Call Ben first.\n");
    });

    it("learns what to do from an error", async () => {
      assert.match(await use("parall_send", { to: "Zoe", text: "x" }), /no chat or member is called.*Ada Weber \(usr_ada\)/);
      assert.match(await use("parall_send", { to: "Launch", text: "x", attachments: ["/etc/passwd"] }), /only files in the workspace/);
      assert.equal(answers(scene, scene.people.group).length, 1);
    });

    it("finds the commands of the skills next to their texts, without a host", async () => {
      const script = path.join(installedSkill(scene), "scripts", "parall.mjs");
      const env = { PATH: process.env.PATH, OPENCLAW_CONFIG_PATH: scene.host.configFile };
      const words = [script, "dm", "Ben Okafor", "--text", "From a script"];
      const { stdout } = await promisify(execFile)(process.execPath, words, { env });
      assert.equal(JSON.parse(stdout).content.text, "From a script");
      assert.equal(answers(scene, scene.people.direct.ben).at(-1).content.text, "From a script");
    });

    it("shows the model no key", () => {
      assert.ok(!JSON.stringify(scene.model.requests).includes(scene.people.agent.key));
      assert.ok(!scene.host.logs().includes(scene.people.agent.key));
    });
  });
}
