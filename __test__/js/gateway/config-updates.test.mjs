/** A server that says all the time that its configuration changed: the account reads it now and then, and the newest in the end. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { startAccount } from "../support.mjs";

const LIMIT = 60_000;
const ME = "usr_agent";
const FRAMES = 200_000;
const BATCH = 1_000;
/** Milliseconds between two refreshes, as in `platform.rs`. */
const PAUSE = 5_000;
/** More than a running account needs; a task for each frame took 473 MB. */
const MOST_MEMORY = 32 * 1024 * 1024;

const config = (version) => ({
  version,
  schema_version: 1,
  config: { models: { providers: { parall: { baseUrl: "https://models.example.org/v1", models: [{ id: version, name: version }] } } } },
});

test("200,000 announcements of a configuration are a few refreshes, and the last one counts", async (t) => {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "parall-updates-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const configPath = path.join(stateDir, "openclaw.json");
  writeFileSync(configPath, "{}\n");
  const options = { stateDir, configPath, modelHosts: ["models.example.org"] };
  const { parall, seed, logs, until } = await startAccount(t, { options });
  const refreshes = () => parall.journal.requests.filter((request) => request.route === "platform_config").length;
  const before = await until((status) => status.platformConfig && status.nativeMemoryBytes);

  const begun = performance.now();
  for (let sent = 0; sent < FRAMES; sent += BATCH) {
    for (let number = sent; number < sent + BATCH; number += 1)
      parall.sockets.deliver(ME, { type: "agent_config.update", data: { version: `v${number}` } });
    await turn();
  }
  // What is pushed last is read last: every announcement has been read when this is answered.
  parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  const isAnswer = (message) => message.sender_id === ME && message.content.text === "echo: Hello";
  await parall.waitForMessage(isAnswer, LIMIT);
  // One at the start, one at once, and one after each pause that has passed.
  const most = 2 + Math.ceil((performance.now() - begun) / PAUSE);
  assert.ok(refreshes() <= most, `${refreshes()} refreshes, at most ${most}`);
  const lines = logs.filter((line) => line.includes("platform config"));
  assert.ok(lines.length <= 2 * most, lines.slice(0, 20).join("\n"));
  assert.ok(logs.length <= 20 + 2 * most, `${logs.length} lines`);
  const { nativeMemoryBytes } = await until((status) => status.nativeMemoryBytes);
  assert.ok(nativeMemoryBytes < before.nativeMemoryBytes + MOST_MEMORY, `${nativeMemoryBytes} bytes`);

  parall.setPlatformConfig(config("newest"));
  await until((status) => status.platformConfig?.includes("newest"), LIMIT);
  assert.match(readFileSync(configPath, "utf8"), /"newest"/);
});
