#!/usr/bin/env node
/**
 * Makes the pages of this folder from the help texts of the command, one a noun: `node docs/command/generate.mjs [folder]`.
 * `index.md` is written by hand.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PROGRAM = path.join(HERE, "../../bin/parall.js");

/** The help of a command, in a width that does not depend on the terminal. */
function help(words) {
  const env = { PATH: process.env.PATH, COLUMNS: "100" };
  return execFileSync(process.execPath, [PROGRAM, ...words, "--help"], { env, encoding: "utf8" }).trimEnd();
}

const subcommands = (text) =>
  [...(/\nCommands:\n((?: {2}.*\n?)+)/.exec(text)?.[1] ?? "").matchAll(/^ {2}(\w+)/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== "help");

/** Without the options that every command has; `index.md` explains them. */
const own = (text) => text.split("\n\nGlobal options:\n")[0];

/** The sections of a command and those below it. */
function sections(words) {
  const text = help(words);
  const below = subcommands(text);
  if (below.length > 0) return below.flatMap((name) => sections([...words, name]));
  const [about, ...rest] = own(text).split("\n\n");
  return [`## parall ${words.join(" ")}\n\n${about}.\n\n\`\`\`\n${rest.join("\n\n")}\n\`\`\`\n`];
}

export function pages() {
  const made = {};
  for (const noun of subcommands(help([]))) {
    const [about] = help([noun]).split("\n");
    const body = sections([noun]);
    const intro = body.length > 1 ? `${about}.\n\n` : "";
    made[`${noun}.md`] = `# parall ${noun}\n\n${intro}${body.length > 1 ? body.join("\n") : body[0].replace(/^## .*\n\n/, "")}`;
  }
  return made;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? HERE;
  for (const [name, text] of Object.entries(pages())) writeFileSync(path.join(folder, name), text);
}
