/** A real gateway is killed again and again while people write: nothing is lost, doubled, out of order or left over. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { closeScene, openScene, prepareScene } from "./scene.mjs";
import { hostStorm } from "./storm.mjs";
import { judgeHost } from "./storm-verdict.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

/** Set to repeat a run. What the seed does not decide is the machine's timing. */
const SEED = Number(process.env.HOST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const DISPATCHES = Number(process.env.HOST_DISPATCHES ?? 24);
const KILLS = Number(process.env.HOST_KILLS ?? 3);
const MINUTES = Number(process.env.HOST_MINUTES ?? Number.POSITIVE_INFINITY);

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: a storm`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release, { section: { collect: false } });
      prepareScene(scene);
    });
    after(() => closeScene(scene));

    it("leaves every question answered once", async (test) => {
      test.diagnostic(`seed ${SEED}; repeat with HOST_SEED=${SEED}`);
      const started = performance.now();
      const log = [];
      const note = (line) => {
        log.push(line);
        if (process.env.HOST_KILLS) console.error(`${new Date().toISOString()} ${line}`);
      };
      const storm = await hostStorm(scene, { seed: SEED, dispatches: DISPATCHES, kills: KILLS, minutes: MINUTES }, note);
      const { code } = await scene.host.stop();
      const findings = await judgeHost(scene, { seed: SEED, ...storm });
      const minutes = Math.round((performance.now() - started) / 60_000);
      test.diagnostic(JSON.stringify({ ...storm, requests: scene.model.requests.length, minutes }));
      const none = Object.fromEntries(Object.keys(findings).map((name) => [name, []]));
      assert.deepEqual(findings, none, `${log.join("\n")}\n${scene.host.logs().slice(-4000)}`);
      assert.equal(code, 0);
    });
  });
}
