/** What a user sees before the first message: installation, listings, set-up. */
import assert from "node:assert/strict";
import { existsSync, lstatSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { closeScene, openScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    let host;
    before(async () => {
      scene = await openScene(release);
      host = scene.host;
    });
    after(() => closeScene(scene));

    it("installs the packed tarball, with the binary of this system", () => {
      assert.equal(scene.installation.code, 0, scene.installation.err);
      const modules = path.join(host.pluginFolder(), "node_modules");
      assert.ok(existsSync(path.join(modules, "@parall", "parall-linux-x64-gnu", "parall.linux-x64-gnu.node")));
      assert.ok(existsSync(path.join(modules, "detect-libc")));
      const openclaw = lstatSync(path.join(modules, "openclaw"), { throwIfNoEntry: false });
      assert.ok(openclaw === undefined || openclaw.isSymbolicLink(), "no second host is installed");
    });

    it("lists the plugin as loaded, without a complaint", async () => {
      const { out, err } = await host.command(["plugins", "list", "--json"]);
      const list = JSON.parse(out);
      const plugin = (list.plugins ?? list).find(({ id }) => id === "parall");
      assert.equal(plugin.status, "loaded");
      assert.equal(plugin.version, "2.0.0-alpha.1");
      const complaints = (list.diagnostics ?? []).filter((entry) => entry.pluginId === "parall");
      assert.deepEqual(complaints, []);
      assert.doesNotMatch(err, /parall.*(error|failed)/i);
    });

    it("inspects the plugin as a channel", async () => {
      const { code, out } = await host.command(["plugins", "inspect", "parall"]);
      assert.equal(code, 0);
      assert.match(out, /Status: (loaded|enabled)/);
      assert.match(out, /channel: parall/);
      assert.match(out, /Version: 2\.0\.0-alpha\.1/);
    });

    it("adds the account from the command line", async () => {
      const settings = ["--url", scene.parall.url, "--use-env"];
      const { code, out, err } = await host.command(["channels", "add", "--channel", "parall", ...settings], {
        environment: { PRLL_API_URL: scene.parall.url, PRLL_API_KEY: "agk_environment", PRLL_ORG_ID: "org_environment" },
      });
      assert.equal(code, 0, out + err);
      assert.deepEqual(host.readConfig().channels.parall, { enabled: true, parall_url: scene.parall.url });
    });

    it("lists the channel, says where its settings come from, and shows no key", async () => {
      const incomplete = await host.command(["channels", "list"]);
      assert.match(incomplete.out, /Parall default: .*not configured/);
      const environment = { PRLL_API_KEY: "agk_canary_in_environment", PRLL_ORG_ID: "org_environment" };
      const complete = await host.command(["channels", "list"], { environment });
      assert.match(complete.out, /Parall default: (?!.*not configured).*configured/);
      assert.doesNotMatch(complete.out + complete.err, /agk_canary_in_environment/);
    });

    it("says what a target looks like when it is given a wrong one", async () => {
      const { code, out, err } = await host.command([
        ...["message", "send", "--channel", "parall", "--target", "general", "--message", "hi"],
      ]);
      assert.notEqual(code, 0);
      assert.match(out + err, /cht_\.\.\./);
    });
  });
}
