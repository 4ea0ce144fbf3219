/** Changes, crashes and broken installations. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ANSWER_LIMIT_MS, answers, answerWith, changeSection, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: a running account`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      await startScene(scene);
    });
    after(() => closeScene(scene));
    const sockets = () => scene.parall.sockets.of(scene.people.agent.id);

    it("restarts alone when its configuration changes", async () => {
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "There? [[say:Here.]]" });
      await answerWith(scene, "Here.");
      const { pid } = scene.host.gateway;
      const [old] = sockets();
      await changeSection(scene, { note: "changed" }, "a new connection", () => sockets().length === 1 && sockets()[0] !== old);
      assert.equal(scene.host.gateway.pid, pid);
      assert.equal(scene.host.gateway.exitCode, null);
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "Still there? [[say:Still here.]]" });
      await answerWith(scene, "Still here.");
    });

    it("goes away when it is disabled and comes back when it is enabled", async () => {
      await changeSection(scene, { enabled: false }, "the connection ends", () => sockets().length === 0);
      await changeSection(scene, { enabled: true }, "the connection is back", () => sockets().length === 1);
    });

    it("answers what waited, once, after the gateway was killed", async () => {
      await scene.host.stop("SIGKILL");
      scene.parall.say({ from: "usr_ben", chat: scene.people.direct.ben, text: "Meanwhile [[say:Caught up.]]" });
      await scene.host.start();
      await answerWith(scene, "Caught up.");
      assert.equal(answers(scene, scene.people.direct.ben).length, 1);
    });

    it("answers once, and sends nothing else, what main and a fork were at when the gateway was killed", async () => {
      const { direct } = scene.people;
      const before = answers(scene).length;
      const asked = (text) => scene.model.waitForRequest((request) => request.user.includes(text), ANSWER_LIMIT_MS);
      scene.parall.say({ from: "usr_ada", chat: direct.ada, text: "For main [[hold:main]] [[say:Main, %n.]]" });
      await asked("For main");
      scene.parall.say({ from: "usr_ben", chat: direct.ben, text: "For a fork [[hold:fork]] [[say:Fork, %n.]]" });
      await asked("For a fork");
      await scene.host.stop("SIGKILL");
      for (const name of ["main", "fork"]) scene.model.release(name);
      await scene.host.start();
      await answerWith(scene, "Main, ");
      await answerWith(scene, "Fork, ");
      // A recovery of the host's own would begin within seconds.
      scene.parall.say({ from: "usr_ada", chat: direct.ada, text: "Slowly [[slow:10000]] [[say:Slowly, %n.]]" });
      await answerWith(scene, "Slowly, ");
      const texts = answers(scene).map(({ content }) => content.text.replace(/\d+/, "n"));
      assert.deepEqual(texts.slice(before).sort(), ["Fork, n.", "Main, n.", "Slowly, n."]);
    });

    it("is stopped for good, with a reason, when its key is revoked", async () => {
      scene.parall.revokeKey(scene.people.agent.id);
      const status = () => scene.host.command(["channels", "status"]).then(({ out }) => (/error:/.test(out) ? out : undefined));
      assert.match(await scene.host.until("the status tells it", status), /Parall default: .*error:.*401/);
      assert.equal(scene.host.gateway.exitCode, null);
    });
  });

  describe(`OpenClaw ${release.version}: settings from the environment`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release);
      scene.host.environment = {
        PRLL_API_URL: scene.parall.url,
        PRLL_API_KEY: scene.people.agent.key,
        PRLL_ORG_ID: scene.people.org,
      };
      // The oldest host takes a section for configured only when it holds something besides `enabled`.
      scene.section = { replies: "auto" };
      await startScene(scene);
    });
    after(() => closeScene(scene));

    it("are enough for an answer", async () => {
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "Hello [[say:Hello from the environment.]]" });
      await answerWith(scene, "Hello from the environment.");
    });
  });

  describe(`OpenClaw ${release.version}: an installation without its binary`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release, { hidden: ["@parall/parall-linux-x64-gnu"] });
      await startScene(scene, { connected: false });
    });
    after(() => closeScene(scene));
    const complaints = () => scene.host.output().match(/the native part 2\.0\.0-alpha\.1 could not be loaded/g)?.length ?? 0;

    it("says once what is wrong and what to do, and the gateway keeps running", async () => {
      await scene.host.until("the complaint", () => complaints() > 0);
      const isSeen = () => /config change detected/.test(scene.host.output());
      await changeSection(scene, { note: "changed" }, "the channel restarts", isSeen);
      const status = async () => (await scene.host.command(["channels", "status"])).out;
      const shown = await scene.host.until("the status", async () => (/could not be loaded/.test(await status()) ? status() : undefined));
      assert.match(shown, /linux-x64-gnu/);
      assert.match(shown, /Parall default: [\s\S]*running/);
      const health = await fetch(`http://127.0.0.1:${scene.host.port}/healthz`);
      assert.equal(health.ok, true);
      assert.deepEqual(await scene.host.stop(), { code: 0, signal: null });
      assert.equal(complaints(), 1);
    });
  });
}
