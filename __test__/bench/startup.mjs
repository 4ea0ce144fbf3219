/**
 * What it costs to import the entry, to register and to load the native part, beside importing a well-kept package that every client
 * of a messenger in Node needs, and beside reading the native part's file. Fresh processes in turns, medians.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beside, median } from "./table.mjs";

const ROUNDS = 15;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a module in a fresh process and returns the number it prints. */
function measure(code) {
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", code], { cwd: root, encoding: "utf8" });
  return Number(output.trim());
}

const timed = (code) => `
  import { createRequire } from "node:module";
  import { readFileSync } from "node:fs";
  const require = createRequire(process.cwd() + "/package.json");
  const before = performance.now();
  ${code}
  console.log(performance.now() - before);`;

const WAYS = {
  register: timed(`const { default: entry } = await import("./src/shim/index.js");
    entry.register({ registrationMode: "full", rootDir: process.cwd(), runtime: {}, registerChannel() {}, registerCli() {} });`),
  package: timed(`await import("ws");`),
  load: timed(`require("./parall.linux-x64-gnu.node");`),
  read: timed(`readFileSync("./parall.linux-x64-gnu.node");`),
};

export function startup() {
  const taken = Object.fromEntries(Object.keys(WAYS).map((way) => [way, []]));
  for (let round = 0; round < ROUNDS; round += 1) for (const [way, code] of Object.entries(WAYS)) taken[way].push(measure(code));
  const of = (way) => median(taken[way]);
  return [
    beside("import the entry and register", of("register"), of("package"), "ms", "import ws", 0.5),
    beside("load the native part", of("load"), of("read"), "ms", "read its file", 1),
  ];
}

if (process.argv[1] === import.meta.filename) console.table(startup());
