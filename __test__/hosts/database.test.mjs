/** Forks of transcripts in a database, with the Node that such hosts run on. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";
import { HOST_VERSIONS, installHost } from "./versions.mjs";

const TESTS = fileURLToPath(new URL("../session/database.mjs", import.meta.url));

const release = HOST_VERSIONS.at(-1);

it("transcripts in a database are read off the gateway's thread, or by the host", () => {
  const { node } = installHost(release);
  const { status, stdout } = spawnSync(node, ["--no-warnings", "--test", TESTS], {
    encoding: "utf8",
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  assert.equal(status, 0, stdout);
});
