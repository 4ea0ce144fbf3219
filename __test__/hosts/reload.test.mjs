/** The account is reloaded in the middle of tools; a real OpenClaw continues, and nothing runs twice. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { answers, answerWith, changeSection, closeScene, openDispatches, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

const RELOADS = 20;

for (const release of HOST_VERSIONS) {
  describe(`hot reloads of OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release, { section: { collect: false } });
      const config = scene.host.readConfig();
      // The tool is to run without a question to anybody.
      scene.host.writeConfig({ ...config, tools: { ...config.tools, exec: { host: "gateway", security: "full", ask: "off" } } });
      await startScene(scene);
    });
    after(() => closeScene(scene));

    const counted = (file) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean).length : 0);
    const connections = () => scene.parall.sockets.of(scene.people.agent.id);

    it("end in the middle of a tool without running it again or losing its answer", async () => {
      for (let reload = 0; reload < RELOADS; reload += 1) {
        const file = path.join(scene.host.root, `tool-${reload}`);
        const command = `echo began >> ${file}.begin; sleep 4; echo ended >> ${file}.end`;
        scene.parall.say({
          from: "usr_ada",
          chat: scene.people.direct.ada,
          text: `Work ${reload} [[tool:exec ${JSON.stringify({ command })}]][[say:Done ${reload}.]]`,
        });
        await scene.host.until(`tool ${reload} begins`, () => counted(`${file}.begin`) > 0);
        const [before] = connections();
        await changeSection(scene, { agent_turns: 100 + reload }, `reload ${reload}`, () => {
          const now = connections();
          return now.length === 1 && now[0] !== before;
        });
        await answerWith(scene, `Done ${reload}.`);
        await scene.host.until(`${reload} is acknowledged`, () => openDispatches(scene) === 0);
        assert.deepEqual([counted(`${file}.begin`), counted(`${file}.end`)], [1, 1], `tool ${reload}`);
        assert.equal(answers(scene).filter((message) => message.content.text === `Done ${reload}.`).length, 1);
      }
      const asked = scene.model.requests.filter(({ user }) => user.includes("Work "));
      assert.ok(asked.length <= 2 * RELOADS + 2, `${asked.length} requests for ${RELOADS} turns`);
    });
  });
}
