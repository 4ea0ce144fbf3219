/** An operator at a real host's terminal: what is listed, what is decided, and that the running gateway does it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: the commands of an operator`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
    });
    after(() => closeScene(scene));

    it("send a file of the workspace, and none from elsewhere, then or later", async () => {
      const { parall, people, host } = scene;
      const send = ["message", "send", "--channel", "parall", "--target", people.direct.ben, "--message", "See this", "--media"];
      const file = path.join(host.root, "workspace", "note.txt");
      writeFileSync(file, "a note");
      const sent = await host.command([...send, file]);
      assert.equal(sent.code, 0, sent.out + sent.err);
      const missing = await host.command([...send, path.join(host.root, "workspace", "none.txt")]);
      assert.notEqual(missing.code, 0, missing.out + missing.err);
      // The host tries failed deliveries again when it starts, unless they can never succeed.
      await host.stop();
      await startScene(scene);
      parall.say({ from: "usr_ben", chat: people.direct.ben, text: "Still there? [[say:Still here.]]" });
      await answerWith(scene, "Still here.");
      assert.deepEqual(
        answers(scene, people.direct.ben).map(({ content, attachments }) => [content.text, attachments.length]),
        [
          ["See this", 1],
          ["Still here.", 0],
        ],
      );
    });

    it("find nothing critical about access, and nothing that is not so", async () => {
      const { out } = await scene.host.command(["security", "audit", "--json"]);
      const { findings } = JSON.parse(out.slice(out.indexOf("{")));
      assert.ok(findings.length > 0);
      const ours = findings.filter((finding) => JSON.stringify(finding).includes("parall"));
      assert.deepEqual(
        ours.filter(({ severity, checkId }) => severity === "critical" || (checkId.startsWith("channels.") && severity !== "info")),
        [],
      );
    });

    it("show a dead letter, as the status does, and have it answered", async () => {
      const { parall, people, host } = scene;
      parall.fault("http.error", { route: "messages.post", status: 403 });
      const asked = parall.say({ from: "usr_ada", chat: people.direct.ada, text: "Hello [[say:At last.]]" });
      const { id } = parall.snapshot().dispatches.find((one) => one.source_id === asked.id);
      const list = () => host.command(["parall", "queue", "list"]).then(({ out }) => (out.includes("DEAD") ? out : undefined));
      assert.match(await host.until("the dead letter is listed", list), new RegExp(`${id} +DEAD .*cht_Ada`));
      const status = () => host.command(["channels", "status", "--json"]).then(({ out }) => /"deadLetters": \d+/.exec(out)?.[0]);
      assert.equal(await host.until("the status of the account", status), '"deadLetters": 1');
      parall.clearFaults();
      const retried = await host.command(["parall", "queue", "retry", id]);
      assert.equal(retried.code, 0, retried.err);
      await answerWith(scene, "At last.");
      const told = await host.command(["parall", "status", "--json"]);
      const { accounts, unreached } = JSON.parse(told.out.slice(told.out.indexOf("{")));
      assert.deepEqual([unreached, accounts[0].live.status.connected, accounts[0].queue.dead], [undefined, true, 0], told.out);
      const life = await host.command(["parall", "trace", asked.id]);
      assert.match(life.out, new RegExp(`${id}: message ${asked.id}[^]*came[^]*turn[^]*given up[^]*turn[^]*answered`), life.out);
      assert.match((await host.command(["parall", "forks"])).out, /There are no forks\./);
      const unknown = await host.command(["parall", "queue", "drop", "dsp_nowhere"]);
      assert.equal(unknown.code, 1);
      assert.match(`${unknown.out}${unknown.err}`, /PARALL_JOURNAL_UNKNOWN/);
    });
  });
}
