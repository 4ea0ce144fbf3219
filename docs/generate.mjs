#!/usr/bin/env node
/**
 * Makes everything in the documentation that is a copy of something else, and the list of what the packages hold:
 * `npm run docs:generate`. It takes a built addon and `cargo`. `__test__/js/docs/generated.test.mjs` tells what is out of date.
 *
 * A page holds a made part between two marks: `<!-- made: NAME -->` and `<!-- end -->`. The rest of it is written by hand.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pages } from "./command/generate.mjs";
import { contents } from "./made/contents.mjs";
import { dependencies } from "./made/dependencies.mjs";
import { hosts } from "./made/hosts.mjs";
import { routes } from "./made/routes.mjs";
import { settings } from "./made/settings.mjs";
import { skills } from "./made/skills.mjs";

const PROJECT = new URL("../", import.meta.url);

/** Page -> what makes its parts: their texts by name. */
const PARTS = {
  "docs/configuration.md": () => ({ settings: settings() }),
  "docs/dependencies.md": dependencies,
  "docs/host-compatibility.md": () => ({ hosts: hosts() }),
  "docs/protocol.md": () => ({ routes: routes() }),
  "docs/tools.md": () => ({ skills: skills() }),
};

/** @returns {Record<string, string>} every made file with the text that it should have, by its path from the project's folder */
export function made() {
  const files = { "npm/contents.txt": contents() };
  for (const [name, text] of Object.entries(pages())) files[`docs/command/${name}`] = text;
  for (const [page, parts] of Object.entries(PARTS)) {
    files[page] = Object.entries(parts()).reduce((text, [name, part]) => replacePart(text, name, part), read(page));
  }
  return files;
}

/** @throws {Error} when the page does not have exactly one such part */
export function replacePart(page, name, text) {
  const pieces = page.split(new RegExp(`(?<=<!-- made: ${name} -->\n).*?(?=<!-- end -->)`, "s"));
  if (pieces.length !== 2) throw new Error(`a page needs one part "${name}", not ${pieces.length - 1}`);
  return pieces.join(`\n${text.trim()}\n\n`);
}

const read = (file) => readFileSync(new URL(file, PROJECT), "utf8");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, text] of Object.entries(made())) {
    const place = new URL(file, PROJECT);
    if (existsSync(place) && readFileSync(place, "utf8") === text) continue;
    writeFileSync(place, text);
    console.log(`${file} is made anew`);
  }
}
