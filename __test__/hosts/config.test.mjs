/** A platform update arrives while a real gateway runs. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { hostSchema } from "../js/config-schema.mjs";
import { native } from "../js/support.mjs";
import { Host } from "./host.mjs";
import { ANSWER_LIMIT_MS, answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

const NOTE = "// The user's own note, which no update may touch.";

it("refuses and leaves out by the rules of the hosts themselves", { skip: HOST_VERSIONS.length < 2 }, async () => {
  const schemas = [];
  for (const release of HOST_VERSIONS) {
    const host = new Host(release);
    const { out } = await host.command(["config", "schema"]);
    await host.dispose();
    schemas.push(JSON.parse(out));
  }
  const rules = readFileSync(new URL("../../src/config/platform/host_schema.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(rules), hostSchema(schemas));
});

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: platform config`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
      // Comments and trailing commas, as a user writes them.
      const text = readFileSync(scene.host.configFile, "utf8");
      writeFileSync(scene.host.configFile, text.replace(/\}\s*$/, `  ${NOTE}\n}\n`));
    });
    after(() => closeScene(scene));

    const sockets = () => scene.parall.sockets.of(scene.people.agent.id);
    const update = (version, more = {}) => {
      const model = { id: `platform-${version}`, name: "Platform", unknownToHosts: true, contextWindow: 200_000, maxTokens: 4096 };
      const provider = { baseUrl: scene.model.baseUrl, api: "openai-completions", models: [model], ...more };
      const defaults = { model: { primary: `parall/platform-${version}` } };
      scene.parall.setPlatformConfig({
        version,
        schema_version: 1,
        config: { models: { providers: { parall: provider } }, agents: { defaults } },
      });
    };
    const options = () => ({
      credentials: { api_key: scene.people.agent.key, parall_url: scene.parall.url },
      stateDir: scene.host.stateDir,
      configPath: scene.host.configFile,
    });
    const file = () => readFileSync(scene.host.configFile, "utf8");
    const configRequests = () => scene.parall.journal.requests.filter((request) => request.route === "platform_config").length;
    const ask = (text) => scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text });

    it("makes the provider usable at once and disturbs neither the process, nor the connection, nor a running turn", async () => {
      const { pid } = scene.host.gateway;
      const [socket] = sockets();
      ask("Take your time [[hold:update]][[say:Nothing happened to me.]]");
      await scene.model.waitForRequest((request) => request.user.includes("Take your time"), ANSWER_LIMIT_MS);
      update("1");
      await scene.parall.waitFor(() => configRequests() > 1 || undefined, ANSWER_LIMIT_MS, "the plugin's look at the update");
      assert.doesNotMatch(file(), /platform-1/, "nothing is written while a turn runs");
      scene.model.release("update");
      await answerWith(scene, "Nothing happened to me.");
      await scene.host.until("the plugin writes", () => /platform-1/.test(file()));
      assert.ok(file().includes(NOTE));
      await scene.host.until("the host notices", () => /config change (detected|applied)|hot reload/i.test(scene.host.logs()));

      ask("Which model? [[say:The platform's.]]");
      await answerWith(scene, "The platform's.");
      const request = scene.model.requests.findLast(({ user }) => user.includes("Which model?"));
      assert.equal(request.model, "platform-1");
      assert.equal(answers(scene, scene.people.direct.ada).length, 2);
      assert.equal(scene.host.gateway.pid, pid);
      assert.equal(scene.host.gateway.exitCode, null);
      assert.deepEqual(sockets(), [socket]);
    });

    it("writes nothing that the host refuses, so the next start succeeds", async () => {
      const { code, out, err } = await scene.host.command(["config", "validate"]);
      assert.equal(code, 0, out + err);
      assert.doesNotMatch(file(), /unknownToHosts/);
      await scene.host.stop();
      await scene.host.start();
      await scene.host.until("the plugin connects", () => sockets().length === 1);
    });

    it("shows what an update would change, without changing it and without the key", async () => {
      await scene.host.stop();
      const text = file();
      update("2");
      const { code, out, err } = await scene.host.command(["parall", "config", "diff"]);
      assert.equal(code, 0, out + err);
      assert.match(out, /agents\.defaults\.model\n\s+- \{"primary":"parall\/platform-1"\}\n\s+\+ \{"primary":"parall\/platform-2"\}/);
      assert.doesNotMatch(out + err, new RegExp(scene.people.agent.key));
      assert.equal(file(), text);
    });

    it("is brought in line at the next start", async () => {
      await scene.host.start();
      await scene.host.until("the plugin writes", () => /platform-2/.test(file()));
      await scene.host.until("the plugin connects", () => sockets().length === 1);
    });

    it("is not bothered by an update that changes nothing", async () => {
      await native.fetchAndApplyPlatformConfig(options());
      const { mtimeMs } = statSync(scene.host.configFile);
      const outcome = await native.fetchAndApplyPlatformConfig(options());
      assert.deepEqual([outcome.status, outcome.written], ["unchanged", false]);
      assert.equal(statSync(scene.host.configFile).mtimeMs, mtimeMs);
    });

    it("follows a section into an included file, and the host notices", async () => {
      const { models, ...rest } = JSON.parse(file().replace(NOTE, ""));
      const included = path.join(scene.host.stateDir, "models.json5");
      writeFileSync(included, JSON.stringify(models, null, 2));
      scene.host.writeConfig({ ...rest, models: { $include: "./models.json5" } });
      const reloads = () => scene.host.logs().match(/config hot reload applied \([^)]*models\.providers\.parall/g)?.length ?? 0;
      const before = reloads();
      const text = file();
      const provider = { authHeader: true };
      scene.parall.setPlatformConfig({ version: "included", config: { models: { providers: { parall: provider } } } });
      await scene.host.until("the plugin writes", () => /authHeader/.test(readFileSync(included, "utf8")));
      assert.equal(file(), text);
      await scene.host.until("the host notices", () => reloads() > before);
    });

    it("keeps the last known good one when the platform sends what the host would refuse", async () => {
      const text = file();
      update("3", { models: "many" });
      const outcome = await native.fetchAndApplyPlatformConfig(options());
      assert.equal(outcome.status, "refused");
      assert.equal(file(), text);
      assert.equal(scene.host.gateway.exitCode, null);
    });
  });
}
