/** Runs measure.mjs in a fresh process. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const MEASURE = fileURLToPath(new URL("measure.mjs", import.meta.url));

export function measure(what, file) {
  const { stdout, stderr } = spawnSync(process.execPath, ["--max-old-space-size=8192", MEASURE, what, file], { encoding: "utf8" });
  if (!stdout) throw new Error(`${what}: ${stderr}`);
  return JSON.parse(stdout);
}
