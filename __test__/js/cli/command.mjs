/** Runs the `parall` command as people and scripts do. */
import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LocalParall } from "../../server/server.js";

export const PROGRAM = fileURLToPath(new URL("../../../bin/parall.js", import.meta.url));

/** The environment of the default agent on a server, and nothing of the tester's own. */
export const environment = (url, key = "key_agent") => ({
  PATH: process.env.PATH,
  HOME: "/nonexistent",
  PRLL_API_URL: url,
  PRLL_API_KEY: key,
  PRLL_ORG_ID: "org_demo",
});

/**
 * A seeded local server, and the command on it.
 *
 * @param {import("node:test").TestContext | { after(end: () => Promise<void>): void }} test ends the server
 */
export async function stage(test, options) {
  const parall = await LocalParall.start(options);
  test.after(() => parall.close());
  parall.seed();
  const run = (line, { env, key, input } = {}) => command(line, { env: { ...environment(parall.url, key), ...env }, input });
  return { parall, run };
}

/**
 * Runs one command line; a text is split at spaces.
 *
 * @param {string | string[]} line
 * @param {{ env: object, input?: string | Buffer }} options
 */
export function command(line, options) {
  const words = typeof line === "string" ? line.split(" ").filter(Boolean) : line;
  return program(process.execPath, [PROGRAM, ...words], options);
}

/** Runs a line in a shell that knows `parall`. */
export function shell(line, { env, ...options }) {
  const folder = path.dirname(PROGRAM);
  return program("/bin/sh", ["-c", `parall() { "${process.execPath}" "${folder}/parall.js" "$@"; }\n${line}`], { env, ...options });
}

function program(file, words, { env, input = "", cwd }) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, { env, cwd });
    const output = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output.out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output.err += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", reject);
    child.on("close", (code) => {
      const read = (text) => {
        try {
          return JSON.parse(text);
        } catch {
          return undefined;
        }
      };
      resolve({ code, ...output, json: read(output.out), error: read(output.err) });
    });
  });
}
