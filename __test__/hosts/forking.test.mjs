/** The agent is busy in one chat; others are answered meanwhile, by forks that know the conversation. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ANSWER_LIMIT_MS, answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
    });
    after(() => closeScene(scene));

    const say = (from, chat, text) => scene.parall.say({ from, chat, text, mentions: ["usr_agent"] });
    const requestWith = (text) => scene.model.waitForRequest((request) => request.user.includes(text), ANSWER_LIMIT_MS);
    const heard = (request) => JSON.stringify(request.messages);
    const everythingAcknowledged = () =>
      scene.parall.waitFor(
        () => scene.parall.snapshot().dispatches.every((dispatch) => dispatch.acknowledged_count > 0) || undefined,
        ANSWER_LIMIT_MS,
        "all acknowledgements",
      );

    it("answers other chats while a turn runs, in order within a chat, and tells main afterwards", async () => {
      const { direct, group } = scene.people;
      say("usr_ada", direct.ada, "My bird is the heron. [[say:A fine bird.]]");
      await answerWith(scene, "A fine bird.");
      await everythingAcknowledged();

      say("usr_ada", direct.ada, "A long task about otters [[hold:otters]] [[say:The otters are done.]]");
      await requestWith("long task about otters");
      say("usr_ada", direct.ada, "And then the second thing [[say:The second thing is done.]]");
      say("usr_ben", direct.ben, "A quick question about boats [[say:Boats float.]]");
      say("usr_ben", group, "And one about trains [[say:Trains roll.]]");
      await answerWith(scene, "Boats float.");
      await answerWith(scene, "Trains roll.");
      assert.equal(answers(scene, direct.ada).length, 1, "main still works on the otters");

      for (const question of ["quick question about boats", "one about trains"]) {
        const request = await requestWith(question);
        assert.match(heard(request), /heron/, "the fork knows what was said before");
        assert.doesNotMatch(heard(request), /otters/, "the fork knows nothing of the running turn");
        assert.match(request.user, /\[Fork: you are a copy of yourself; the original works in another chat since 20/);
      }

      scene.model.release("otters");
      await answerWith(scene, "The otters are done.");
      await answerWith(scene, "The second thing is done.");
      await everythingAcknowledged();
      assert.deepEqual(
        answers(scene, direct.ada).map((message) => message.content.text),
        ["A fine bird.", "The otters are done.", "The second thing is done."],
      );
      const main = heard(await requestWith("And then the second thing"));
      assert.match(main, /Boats float\./, "the forks' results are reported to main");
      assert.match(main, /Trains roll\./);
      assert.doesNotMatch(heard(await requestWith("long task about otters")), /boats|\[Fork: /);
    });

    it("gives lines that wait in a chat to one turn with one answer", async () => {
      const { direct } = scene.people;
      const before = answers(scene, direct.ada).length;
      say("usr_ada", direct.ada, "A task about badgers [[hold:badgers]] [[say:The badgers are done.]]");
      await requestWith("task about badgers");
      const lines = ["By the way,", "it is about the young ones", "and their dens [[say:Young ones and dens, understood.]]"];
      for (const line of lines) say("usr_ada", direct.ada, line);
      scene.model.release("badgers");
      await answerWith(scene, "Young ones and dens, understood.");
      await everythingAcknowledged();
      assert.equal(answers(scene, direct.ada).length, before + 2);
      const { user } = await requestWith("and their dens");
      assert.match(user, /\[Together: 3 messages waited here/);
      for (const line of ["By the way,", "it is about the young ones"]) assert.ok(user.includes(line), line);
    });

    it("leaves no fork behind and keeps each answer single", async () => {
      const { direct, group } = scene.people;
      assert.equal(answers(scene, direct.ben).length, 1);
      assert.equal(answers(scene, group).length, 1);
      say("usr_ada", direct.ada, "Are you there? [[say:Still here.]]");
      await answerWith(scene, "Still here.");
      const last = heard(await requestWith("Are you there?"));
      assert.equal(last.split("> Boats float.").length - 1, 1, "they are reported once");
    });
  });
}
