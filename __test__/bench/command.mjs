/**
 * What a command costs beside the least that can be done: a program of a few lines that asks the server the same. Fresh processes in
 * turn, medians.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { environment } from "../js/cli/command.mjs";
import { LocalParall } from "../server/server.js";
import { beside, median } from "./table.mjs";

const ROUNDS = 25;
const TIMES = 1.2;
const PROGRAM = process.env.PARALL_PROGRAM ?? fileURLToPath(new URL("../../bin/parall.js", import.meta.url));
const plain = `
  const { PRLL_API_URL: url, PRLL_API_KEY: key } = process.env;
  require("node:http").get(url + "/api/v1/users/me", { headers: { authorization: "Bearer " + key } }, async (response) => {
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    const { id, display_name: name } = JSON.parse(Buffer.concat(chunks));
    console.log(id, name);
    process.exit(response.statusCode === 200 && id ? 0 : 1);
  });`;

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
  const times = { plain: [], whoami: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.plain.push(await measure(["-e", plain], env));
    times.whoami.push(await measure([PROGRAM, "whoami"], env));
  }
  await parall.close();
  return [beside("parall whoami", median(times.whoami), median(times.plain), "ms", "a request in node -e", TIMES)];
}

if (process.argv[1] === import.meta.filename) console.table(await command());
