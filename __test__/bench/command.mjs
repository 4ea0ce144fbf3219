/** What a command costs beside the program that runs it: fresh processes in turn, medians. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { environment } from "../js/cli/command.mjs";
import { LocalParall } from "../server/server.js";
import { median, row } from "./table.mjs";

const ROUNDS = 25;
const PROGRAM = process.env.PARALL_PROGRAM ?? fileURLToPath(new URL("../../bin/parall.js", import.meta.url));

/** Milliseconds until a process has ended. The server answers in this one meanwhile. */
async function measure(words, env) {
  const start = performance.now();
  const child = spawn(process.execPath, words, { env, stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}`);
  return performance.now() - start;
}

export async function command() {
  const parall = await LocalParall.start();
  parall.seed();
  const env = environment(parall.url);
  const times = { node: [], whoami: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.node.push(await measure(["-e", "0"], env));
    times.whoami.push(await measure([PROGRAM, "whoami"], env));
  }
  await parall.close();
  const node = median(times.node);
  return [row("node -e 0", node, "ms", Math.ceil(node)), row("parall whoami", median(times.whoami), "ms", Math.round(1.5 * node + 10))];
}
