/** Several processes that write one store at the same time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const WRITER = fileURLToPath(new URL("./writer.mjs", import.meta.url));

/** Writes of each process; more in the long run. */
export const WRITES = Number(process.env.PARALL_WRITES ?? 100);

/**
 * Lets all write and checks that nothing is lost.
 *
 * @param {import("./folder.mjs").SessionsFolder} folder
 * @param {Record<string, string>} writers names, and how each writes; `writer.mjs` tells
 * @param {string} [node] the program that runs them
 */
export async function writeAtOnce(folder, writers, node = process.execPath) {
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
}
