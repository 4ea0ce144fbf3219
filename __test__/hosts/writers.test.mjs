import path from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { SessionsFolder } from "../session/folder.mjs";
import { WRITES, writeAtOnce } from "../session/writers.mjs";
import { HOST_VERSIONS, installHost } from "./versions.mjs";

for (const release of HOST_VERSIONS.filter(({ version }) => version === "2026.4.2")) {
  describe(`OpenClaw ${release.version}: a store that the host and two processes of ours write at once`, () => {
    const folder = new SessionsFolder();
    after(() => folder.dispose());

    it(`loses none of ${3 * WRITES} writes`, async () => {
      const { node, openclaw } = installHost(release);
      const host = pathToFileURL(path.join(path.dirname(openclaw), "dist", "plugin-sdk", "config-runtime.js")).href;
      await writeAtOnce(folder, { first: "ours", second: "ours", third: host }, node);
    });
  });
}
