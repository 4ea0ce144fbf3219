/** What people see at a terminal, and what programs get that read the command's output. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { environment, PROGRAM, stage } from "./command.mjs";

const TERMINAL = fileURLToPath(new URL("./terminal.py", import.meta.url));
/** Python has a terminal to give; Node has none. */
const skip = spawnSync("python3", ["-c", "import pty"]).status === 0 ? false : "there is no Python with a pty";
const ESCAPE = String.fromCodePoint(0x1b);
const BAR = /notes\.bin [^\n]*\d+(\.\d+)? \w+\/\d/;

async function scene(context) {
  const { parall } = await stage(context);
  const folder = mkdtempSync(path.join(os.tmpdir(), "parall-terminal-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const run = async (streams, words) => {
    const env = { ...environment(parall.url), TERM: "xterm-256color" };
    const { stdout } = await promisify(execFile)("python3", [TERMINAL, streams, process.execPath, PROGRAM, ...words], { env, cwd: folder });
    return JSON.parse(stdout);
  };
  return { parall, folder, run };
}

test("a list is a table at a terminal, and one JSON document anywhere else or with --json", { skip }, async (context) => {
  const { run } = await scene(context);
  const seen = await run("12", ["members", "list"]);
  assert.deepEqual([seen.code, seen.out, seen.err], [0, "", ""]);
  const lines = seen.terminal.trim().split("\n");
  assert.match(lines[0], /^ID +TYPE +ROLE +NAME$/);
  assert.match(lines[1], /^usr_ada +human +owner +Ada Weber$/);
  assert.throws(() => JSON.parse(seen.terminal));
  const piped = await run("2", ["members", "list"]);
  assert.deepEqual([piped.code, piped.terminal, JSON.parse(piped.out).data.length], [0, "", 3]);
  const wanted = await run("12", ["members", "list", "--json"]);
  assert.equal(JSON.parse(wanted.terminal).data.length, 3);
});

test("a failure is a sentence at a terminal, and one JSON object anywhere else", { skip }, async (context) => {
  const { run } = await scene(context);
  const seen = await run("12", ["users", "get", "Zoe"]);
  assert.equal(seen.code, 1);
  assert.match(seen.terminal, /^parall: no member is called "Zoe"/);
  const piped = await run("1", ["users", "get", "Zoe"]);
  assert.deepEqual([piped.code, piped.terminal, JSON.parse(piped.err).code], [1, "", "PARALL_UNKNOWN_NAME"]);
});

test("names of others bring no control characters to a terminal", { skip }, async (context) => {
  const { parall, run } = await scene(context);
  parall.addHuman({ id: "usr_eve", name: `Eve${ESCAPE}]0;title\u0007${ESCAPE}[2J\u202e` });
  const { terminal } = await run("12", ["members", "list"]);
  assert.match(terminal, /usr_eve +human +member +Eve/);
  assert.doesNotMatch(terminal, /[^\P{C}\n]/u);
});

test("uploads and syncs show a bar on standard error at a terminal, and nothing anywhere else", { skip }, async (context) => {
  const { parall, folder, run } = await scene(context);
  writeFileSync(path.join(folder, "notes.bin"), Buffer.alloc(4_000_000, 1));
  const send = ["messages", "send", "cht_Launch", "--text", "x", "--attach", "notes.bin"];
  const seen = await run("2", send);
  assert.deepEqual([seen.code, JSON.parse(seen.out).attachments.length], [0, 1]);
  assert.match(seen.terminal, BAR);
  assert.equal((await run("", send)).err, "");
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, number) => [`${number}.md`, `page ${number}`]));
  parall.addWiki({ slug: "kb", files });
  const synced = await run("2", ["wiki", "sync", "kb"]);
  assert.equal(JSON.parse(synced.out).synced[0].files, 300);
  assert.match(synced.terminal, /kb [^\n]*\/300 files/);
  assert.equal(readFileSync(path.join(folder, "kb", "7.md"), "utf8"), "page 7");
  assert.equal((await run("", ["wiki", "sync", "kb"])).err, "");
});
