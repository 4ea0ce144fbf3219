/**
 * One short scene on each release of the matrix: the plugin is installed and loaded, answers, answers by a fork while the agent is
 * busy, and gives a command that a member types to the agent as text. Prints a table of what held.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ANSWER_LIMIT_MS, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { MATRIX } from "./versions.mjs";

const CHECKS = ["installs", "loads", "answers", "forks", "commands are text"];
const held = new Map(MATRIX.map(({ version }) => [version, new Set()]));

for (const release of MATRIX) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
    });
    after(() => closeScene(scene));

    /** A check that the table shows. */
    const check = (name, body) =>
      it(name, async () => {
        await body();
        held.get(release.version).add(name);
      });
    const requestWith = (text) => scene.model.waitForRequest((request) => request.user.includes(text), ANSWER_LIMIT_MS);

    check("installs", () => assert.equal(scene.installation.code, 0, scene.installation.err));

    check("loads", async () => {
      await startScene(scene);
      const { out } = await scene.host.command(["plugins", "list", "--json"]);
      const list = JSON.parse(out);
      assert.equal((list.plugins ?? list).find(({ id }) => id === "parall").status, "loaded");
    });

    check("answers", async () => {
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "Are you there? [[say:Here I am.]]" });
      await answerWith(scene, "Here I am.");
    });

    check("forks", async () => {
      const { direct } = scene.people;
      scene.parall.say({
        from: "usr_ada",
        chat: direct.ada,
        text: "A long task about otters [[hold:otters]] [[say:The otters are done.]]",
      });
      await requestWith("long task about otters");
      scene.parall.say({ from: "usr_ben", chat: direct.ben, text: "A question about boats [[say:Boats float.]]" });
      await answerWith(scene, "Boats float.");
      scene.model.release("otters");
      await answerWith(scene, "The otters are done.");
    });

    check("commands are text", async () => {
      scene.parall.say({ from: "usr_ben", chat: scene.people.direct.ben, text: "/status [[say:That was a text.]]" });
      await answerWith(scene, "That was a text.");
      assert.match((await requestWith("/status")).user, /\/status/);
    });
  });
}

after(() => {
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const mark = (version) => CHECKS.map((name) => (held.get(version).has(name) ? "yes" : "no"));
  const rows = [...held.keys()].map((version) => row([version, ...mark(version)]));
  console.log([row(["OpenClaw", ...CHECKS]), row(["---", ...CHECKS.map(() => "---")]), ...rows].join("\n"));
});
