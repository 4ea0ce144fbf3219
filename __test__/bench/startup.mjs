/** What it costs to import the entry, to register and to load the native part: fresh processes, medians. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, row } from "./table.mjs";

const ROUNDS = 15;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a module in a fresh process and returns the number it prints. */
function measure(code) {
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", code], { cwd: root, encoding: "utf8" });
  return Number(output.trim());
}

const register = `
  const before = performance.now();
  const { default: entry } = await import("./src/shim/index.js");
  entry.register({ registrationMode: "full", rootDir: process.cwd(), runtime: {}, registerChannel() {}, registerCli() {} });
  console.log(performance.now() - before);`;
const load = `
  import { createRequire } from "node:module";
  const require = createRequire(process.cwd() + "/package.json");
  const before = performance.now();
  require("./parall.linux-x64-gnu.node");
  console.log(performance.now() - before);`;

export function startup() {
  const rounds = (code) => median(Array.from({ length: ROUNDS }, () => measure(code)));
  return [row("import the entry and register", rounds(register), "ms", 15), row("load the native part", rounds(load), "ms", 10)];
}
