/** People write to the agent in Parall; a real OpenClaw answers. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ANSWER_LIMIT_MS, answers, answerWith, closeScene, interruptParall, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
    });
    after(() => closeScene(scene));

    const acknowledged = (sourceId) =>
      scene.parall.waitFor(
        () => [...scene.parall.store.dispatches.values()].find((one) => one.source_id === sourceId && one.acknowledged_count > 0),
        ANSWER_LIMIT_MS,
        `the acknowledgement of ${sourceId}`,
      );

    it("answers a direct message in its chat, and acknowledges it afterwards", async () => {
      const asked = scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "How are you? [[say:Fine, Ada.]]" });
      const answer = await answerWith(scene, "Fine, Ada.");
      assert.equal(answer.chat_id, scene.people.direct.ada);
      await acknowledged(asked.id);
      assert.equal(answers(scene, scene.people.direct.ada).length, 1);
    });

    it("shows the agent the header lines and the text", () => {
      const { user } = scene.model.requests.at(-1);
      assert.match(user, /\[Event: message\.new\]/);
      assert.match(user, /\[Chat: cht_Ada \(direct\)\]/);
      assert.match(user, /\[From: usr_ada \(human\) Ada Weber\]/);
      assert.match(user, /\n\nHow are you\?/);
    });

    it("answers in the thread of a group", async () => {
      const root = scene.parall.say({ from: "usr_ben", chat: scene.people.group, text: "Launch notes" });
      const asked = scene.parall.say({
        from: "usr_ada",
        chat: scene.people.group,
        thread: root.id,
        text: "@Robin ready? [[say:Nearly.]]",
        mentions: [scene.people.agent.id],
      });
      const answer = await answerWith(scene, "Nearly.");
      assert.equal(answer.chat_id, scene.people.group);
      assert.equal(answer.thread_root_id, root.id);
      await acknowledged(asked.id);
    });

    it("says nothing when the agent has nothing to say, even where the host asks it twice", async () => {
      const before = answers(scene).length;
      const asked = scene.parall.say({ from: "usr_ben", chat: scene.people.direct.ben, text: "Thanks! [[noreply]]" });
      await acknowledged(asked.id);
      assert.equal(answers(scene).length, before);
    });

    it("answers the assignment of a task with a comment", async () => {
      const task = scene.parall.assignTask({
        from: "usr_ben",
        to: scene.people.agent.id,
        title: "Compare suppliers",
        description: "Which one? [[say:The second one.]]",
      });
      const comments = () => [...scene.parall.store.comments.values()].filter((one) => one.target_uri === `prll://${task.id}`);
      const [comment] = await scene.parall.waitFor(() => (comments().length > 0 ? comments() : undefined), ANSWER_LIMIT_MS, "the comment");
      assert.match(comment.body, /The second one\./);
      assert.equal(comment.author_id, scene.people.agent.id);
    });

    it("sends from the command line to a chat, however its id is written", async () => {
      for (const [number, prefix] of ["", "prll://", "parall:"].entries()) {
        const text = `From the command line, ${number}`;
        const target = `${prefix}${scene.people.direct.ada}`;
        const { code, out, err } = await scene.host.command([
          ...["message", "send", "--channel", "parall", "--target", target, "--message", text],
        ]);
        assert.equal(code, 0, out + err);
        const sent = answers(scene, scene.people.direct.ada).filter((message) => message.content.text === text);
        assert.equal(sent.length, 1);
      }
    });

    it("loses and doubles nothing when Parall is away for ten seconds", async () => {
      const early = scene.parall.say({
        from: "usr_ada",
        chat: scene.people.direct.ada,
        text: "Before [[slow:3000]][[say:Answer before.]]",
      });
      await scene.model.waitForRequest((request) => request.user.includes("Before "), ANSWER_LIMIT_MS);
      await interruptParall(scene, () => new Promise((resolve) => setTimeout(resolve, 10_000)));
      const late = scene.parall.say({ from: "usr_ben", chat: scene.people.direct.ben, text: "After [[say:Answer after.]]" });
      await answerWith(scene, "Answer before.");
      await answerWith(scene, "Answer after.");
      await Promise.all([acknowledged(early.id), acknowledged(late.id)]);
      for (const text of ["Answer before.", "Answer after."]) {
        assert.equal(answers(scene).filter((message) => message.content.text === text).length, 1, text);
      }
    });

    it("shows the truth in the status", async () => {
      // A gateway that is busy may be late with its answer to the command.
      const status = () => scene.host.command(["channels", "status", "--probe"]).then(({ out }) => /Parall default: .*/.exec(out)?.[0]);
      const shown = await scene.host.until("the status of the account", status);
      assert.match(shown, /configured.*running/);
      assert.match(shown, /connected/);
      assert.doesNotMatch(shown, /disconnected/);
    });

    it("ends quickly and cleanly on SIGTERM", async () => {
      assert.deepEqual(await scene.host.stop(), { code: 0, signal: null });
      assert.equal(scene.parall.sockets.of(scene.people.agent.id).length, 0);
    });

    it("wrote neither the key nor a ticket to its logs", () => {
      const logs = scene.host.logs();
      assert.ok(logs.includes("parall"));
      assert.ok(!logs.includes(scene.people.agent.key));
      assert.doesNotMatch(logs, /[?&]ticket=/);
    });
  });
}
