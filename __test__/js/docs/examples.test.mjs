/** What the texts tell people to type exists: scripts, commands with their options, settings. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { registerCommand } from "../../../src/shim/commands/register.js";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const read = (file) => readFileSync(path.join(PROJECT, file), "utf8");
const readJson = (file) => JSON.parse(read(file));

const files = execFileSync("git", ["ls-files", "*.md"], { cwd: PROJECT, encoding: "utf8" }).trim().split("\n");
const texts = files.filter((file) => file !== "CHANGELOG.md").map((file) => ({ file, text: read(file) }));
const all = (pattern) => texts.flatMap(({ file, text }) => [...text.matchAll(pattern)].map((match) => ({ file, match })));
const blocks = (language) => all(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"));

describe("scripts", () => {
  for (const { folder, pattern } of [
    { folder: ".", pattern: /npm run ([\w:]+)/g },
    { folder: "docs", pattern: /npm --prefix docs run ([\w:]+)/g },
  ]) {
    it(`of ${folder} that a text names are there`, () => {
      const { scripts } = readJson(path.join(folder, "package.json"));
      const named = all(pattern);
      assert.ok(named.length > 0);
      for (const { file, match } of named) assert.ok(match[1] in scripts, `${match[0]} in ${file}`);
    });
  }
});

describe("lines of the command", () => {
  const help = new Map();
  /** The help of a command, and the names of those below it. */
  function helpOf(words) {
    const key = words.join(" ");
    if (!help.has(key)) {
      const text = execFileSync(process.execPath, [path.join(PROJECT, "bin/parall.js"), ...words, "--help"], { encoding: "utf8" });
      const list = /\nCommands:\n((?: {2}.*\n?)+)/.exec(text)?.[1] ?? "";
      help.set(key, { text, below: [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name) });
    }
    return help.get(key);
  }

  const lines = blocks("sh").flatMap(({ file, match: [, block] }) =>
    block.split("\n").flatMap((line) => {
      const [, typed] = /(?:^|\| )parall (.*?)(?:\s+#.*)?$/.exec(line) ?? [];
      return typed === undefined ? [] : [{ file, typed }];
    }),
  );

  it("are found", () => assert.ok(lines.length > 10, `${lines.length} lines`));

  for (const { file, typed } of lines) {
    it(`${file}: parall ${typed}`, () => {
      const given = typed.replaceAll(/"[^"]*"/g, "text").split(/\s+/);
      const words = [];
      while (given.length > 0 && helpOf(words).below.includes(given[0])) words.push(given.shift());
      assert.ok(words.length > 0, "no such command");
      assert.deepEqual(helpOf(words).below, [], "a command below it is missing");
      const options = given.filter((word) => word.startsWith("--"));
      for (const option of options) assert.match(helpOf(words).text, new RegExp(`${option}(?![\\w-])`));
    });
  }
});

describe("commands of OpenClaw", () => {
  /** The commands that the shim registers, as `queue list`. */
  function registered() {
    const found = [];
    const under = (words) => ({
      command(name) {
        const below = [...words, name.split(" ")[0]];
        found.push(below.join(" "));
        return under(below);
      },
      description: () => under(words),
      option: () => under(words),
      action: () => under(words),
    });
    registerCommand({ registerCli: (register) => register({ program: under([]), config: {} }) });
    return found;
  }

  it("that a text names are registered", () => {
    const known = registered();
    const named = all(/openclaw (parall(?: [a-z]+)+)/g);
    assert.ok(named.length > 5);
    for (const { file, match } of named) {
      const [command, noun, verb] = match[1].split(" ");
      const line = [command, noun, verb].filter(Boolean).join(" ");
      assert.ok(known.includes(line) || known.includes(`${command} ${noun}`), `openclaw ${line} in ${file}`);
      if (noun === "queue" || noun === "config") assert.ok(verb === undefined || known.includes(line), `openclaw ${line} in ${file}`);
    }
  });
});

it("the page about tools has every tool of the manifest, and no other", () => {
  const named = [...read("docs/tools.md").matchAll(/^\| `(parall_\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(named, readJson("openclaw.plugin.json").contracts.tools);
});

describe("settings", () => {
  const { properties } = readJson("openclaw.plugin.json").channelConfigs.parall.schema;

  it("in examples of a configuration are settings", () => {
    const examples = blocks("json5").filter(({ match: [, block] }) => /\bparall\s*:/.test(block));
    assert.ok(examples.length > 1);
    for (const { file, match } of examples) {
      const block = match[1].trim();
      const { channels } = runInNewContext(`(${block.startsWith("{") ? block : `{${block}}`})`);
      for (const key of Object.keys(channels.parall)) assert.ok(key in properties, `${key} in ${file}`);
    }
  });

  it("that a text calls by their path are settings, or ones that the plugin refuses", () => {
    const refused = read("src/shim/channel/access.js");
    for (const { file, match } of all(/channels\.parall\.(\w+)/g)) {
      const [named, key] = match;
      assert.ok(key in properties || key === "KEY" || refused.includes(`  ${key}:`), `${named} in ${file}`);
    }
  });
});
