import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { SessionsFolder } from "../session/folder.mjs";
import { HOST_VERSIONS, installHost } from "./versions.mjs";

/** Set for the long run; writes of each process. */
const WRITES = Number(process.env.PARALL_WRITES ?? 100);
const WRITER = fileURLToPath(new URL("../session/writer.mjs", import.meta.url));

for (const { version } of HOST_VERSIONS.filter((release) => release.version === "2026.4.2")) {
  describe(`OpenClaw ${version}: a store that the host and two processes of ours write at once`, () => {
    const folder = new SessionsFolder();
    after(() => folder.dispose());

    it(`loses none of ${3 * WRITES} writes`, async () => {
      const { node, openclaw } = installHost(version);
      const hosts = pathToFileURL(path.join(path.dirname(openclaw), "dist", "plugin-sdk", "config-runtime.js")).href;
      const writers = { first: "ours", second: "ours", third: hosts };
      const ends = Object.entries(writers).map(async ([name, how]) => {
        const child = spawn(node, [WRITER, how, folder.store, String(WRITES), name], { stdio: ["ignore", "ignore", "inherit"] });
        const [code] = await once(child, "exit");
        assert.equal(code, 0, `${name} failed`);
      });
      await Promise.all(ends);
      const entries = folder.entries();
      for (const name of Object.keys(writers)) {
        for (let index = 0; index < WRITES; index++) assert.equal(entries[`agent:main:${name}:${index}`]?.index, index, `${name} ${index}`);
      }
      assert.deepEqual(entries["agent:main:other"], folder.bystander);
    });
  });
}
