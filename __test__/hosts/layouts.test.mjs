/**
 * The packed plugin in the layouts that package managers make, without a host: the binary is found and answers, or the sentence says
 * what is missing. The registry on loopback has what a user's has, and nothing else can be reached.
 */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startRegistry } from "./registry.mjs";

const run = promisify(execFile);
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const MANAGERS = path.join(PROJECT, "__test__/hosts/managers");
/** A user without rights. */
const NOBODY = 65534;

let registry;
let folder;

before(async () => {
  execFileSync(process.execPath, [path.join(PROJECT, "npm/setup.mjs"), "__test__/hosts/managers"], { stdio: "inherit" });
  registry = await startRegistry();
});
after(() => registry.close());

/** An empty project of a user, in which `command` is run. */
async function install(test, command, { settings = "" } = {}) {
  folder = mkdtempSync(path.join(os.tmpdir(), "parall-layout-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "user", version: "1.0.0", type: "module" }));
  writeFileSync(path.join(folder, ".npmrc"), `registry=${registry.url}\naudit=false\nfund=false\n${settings}`);
  const home = path.join(folder, "home");
  mkdirSync(home);
  const env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: home, XDG_DATA_HOME: home };
  await run(command[0], command.slice(1), { cwd: folder, env });
}

const program = (name, file) => [process.execPath, path.join(MANAGERS, "node_modules", name, file)];
const pnpm = program("pnpm", "bin/pnpm.cjs");
const yarn = program("yarn", "bin/yarn.js");

/** What the installed plugin says when it is asked for the accounts of an empty configuration. */
async function ask(options) {
  const script = `import { listParallAccountIds } from "@parall/parall/native";
    try { console.log(JSON.stringify(listParallAccountIds({}))); } catch ({ code, message }) { console.log(code, message); }`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder, ...options });
  return stdout.trim();
}

/** The command that the package brings along runs from the layout, too. */
async function version() {
  const { stdout } = await run(path.join(folder, "node_modules/.bin/parall"), ["--version"], { cwd: folder });
  return stdout.trim();
}

describe("the plugin is found by itself and finds its binary when it is installed by", () => {
  const cases = {
    npm: () => ["npm", "install", registry.main],
    "npm with links to a store": () => ["npm", "install", "--install-strategy=linked", registry.main],
    pnpm: () => [...pnpm, "add", registry.main],
    "yarn 1": () => [...yarn, "add", `file:${registry.main}`, "--registry", registry.url, "--non-interactive", "--no-progress"],
  };
  for (const [name, command] of Object.entries(cases)) {
    it(name, async (test) => {
      await install(test, command());
      assert.equal(await ask(), "[]");
      assert.match(await version(), /^parall 2\.0\.0-alpha\.1$/);
    });
  }

  it("npm without network, from tarballs in a folder", async (test) => {
    const packed = [registry.main, ...registry.others];
    const deaf = "registry=http://127.0.0.1:9/\n";
    await install(test, ["npm", "install", "--offline", ...packed], { settings: deaf });
    assert.equal(await ask(), "[]");
  });
});

describe("without its binary", () => {
  const cases = {
    "npm --omit=optional": () => ["npm", "install", "--omit=optional", registry.main],
    "pnpm --no-optional": () => [...pnpm, "add", "--no-optional", registry.main],
    "yarn 1 --ignore-optional": () => [...yarn, "add", `file:${registry.main}`, "--ignore-optional", "--registry", registry.url],
  };
  for (const [name, command] of Object.entries(cases)) {
    it(`${name} installs a plugin that says what is missing`, async (test) => {
      await install(test, command());
      const answer = await ask();
      assert.match(answer, /^PARALL_NATIVE_LOAD /);
      assert.match(answer, /@parall\/parall-linux-x64-gnu: not there/);
      assert.match(answer, /Install the plugin again with optional dependencies allowed/);
    });
  }
});

it("a folder that nobody may write to is enough to run from", async (test) => {
  await install(test, ["npm", "install", registry.main]);
  chmodSync(folder, 0o755);
  const entries = readdirSync(path.join(folder, "node_modules"), { recursive: true }).map((name) =>
    path.join(folder, "node_modules", name),
  );
  for (const entry of entries.filter((name) => !lstatSync(name).isSymbolicLink())) {
    chmodSync(entry, lstatSync(entry).isDirectory() || entry.includes("/bin/") ? 0o555 : 0o444);
  }
  const user = process.getuid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  assert.equal(await ask(user), "[]");
});
