/** The key is nowhere that other users, children, logs or files would see it, while commands run and after. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { PROGRAM, stage } from "./command.mjs";

const KEY = "key_agent_that_is_a_secret";
const skip = process.platform !== "linux" && "processes are looked into by /proc";
const COMMANDS = [
  "whoami",
  "members list",
  "users get ada",
  "messages send Launch --text Hello --attach notes.txt",
  "dm ben --text Hello",
  "tasks create --title Plan",
  "tasks comments add #1 --body Done",
  "projects list",
  "wiki sync kb",
  "wiki status kb",
  "wiki changeset create kb --title Better",
];

/** Every process below one, itself first. */
function family(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap(family)];
}

/** What anybody, or a child, sees of these processes. */
function visible(pids) {
  const parts = pids.flatMap((pid) => ["cmdline", "environ", "comm"].map((name) => readFileSync(`/proc/${pid}/${name}`, "latin1")));
  return [...parts, execFileSync("ps", ["-eo", "args"], { encoding: "latin1", maxBuffer: 1e8 })].join("\n");
}

/** Every file below a folder that holds a text, by its bytes. */
function holding(folder, text) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name));
  return paths.filter((file) => readFileSync(file).includes(text));
}

for (const source of ["the host's configuration", "a file", "the environment"]) {
  test(`the key from ${source} is in no argument, child, output or file`, { skip }, async (context) => {
    const { parall } = await stage(context);
    parall.store.keys.set(KEY, parall.store.keys.get("key_agent"));
    parall.addWiki({ slug: "kb", files: { "a.md": "a\n" } });
    const root = mkdtempSync(path.join(os.tmpdir(), "parall-secrecy-"));
    context.after(() => rmSync(root, { recursive: true }));
    const [home, cwd, temporary] = ["home", "work", "tmp"].map((name) => path.join(root, name));
    for (const folder of [home, cwd, temporary]) mkdirSync(folder);
    const secret = path.join(root, "secret");
    writeFileSync(secret, KEY);
    writeFileSync(path.join(cwd, "notes.txt"), "Notes");
    const env = { PATH: process.env.PATH, HOME: home, TMPDIR: temporary, RUST_LOG: "trace", RUST_BACKTRACE: "full", NODE_DEBUG: "" };
    const section = { parall_url: parall.url, org_id: "org_demo", api_key: KEY };
    const config = path.join(root, "openclaw.json");
    if (source === "the host's configuration") {
      writeFileSync(config, JSON.stringify({ channels: { parall: section } }));
      env.OPENCLAW_CONFIG_PATH = config;
    }
    const own = source === "the environment" ? { PRLL_API_URL: parall.url, PRLL_ORG_ID: "org_demo", PRLL_API_KEY: KEY } : {};
    const flags = source === "a file" ? ["--url", parall.url, "--api-key-file", secret, "--org-id", "org_demo"] : [];
    parall.fault("http.slow", { ms: 150 });
    let looked = 0;
    for (const line of COMMANDS) {
      if (line.startsWith("wiki changeset")) writeFileSync(path.join(cwd, "kb", "a.md"), "b\n");
      const asked = parall.journal.requests.length;
      const child = spawn(process.execPath, [PROGRAM, ...line.split(" "), ...flags], { env: { ...env, ...own }, cwd });
      let printed = "";
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (printed += text));
      const end = once(child, "close");
      // The answer to its first request takes a while: it runs now, with the key read.
      await parall.waitFor(() => parall.journal.requests.length > asked || child.exitCode !== null || undefined, 10_000, line);
      const runs = child.exitCode === null;
      looked += Number(runs);
      const seen = visible(runs ? family(child.pid) : []);
      const [code] = await end;
      assert.equal(code, 0, `${line}: ${printed}`);
      // Its own environment is where the user put the key; a copy of it would be one more.
      const places = source === "the environment" ? seen.replace(`PRLL_API_KEY=${KEY}`, "") : seen;
      assert.ok(!places.includes(KEY), `${line}: a process shows the key`);
      assert.ok(!printed.includes(KEY), `${line}: it is printed`);
    }
    assert.ok(looked > COMMANDS.length / 2, `only ${looked} commands were looked at while they ran`);
    assert.ok(looked > COMMANDS.length / 2, `only ${looked} commands were looked at while they ran`);
    for (const folder of [home, cwd, temporary]) assert.deepEqual(holding(folder, KEY), []);
  });
}
