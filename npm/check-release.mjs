/**
 * What has to hold before a release is published. Needs nothing but Node.
 *
 *   node npm/check-release.mjs version          every package and the changelog name one version; so does the tag, in a tag's run
 *   node npm/check-release.mjs size FILE        a binary keeps its ceiling
 *   node npm/check-release.mjs load FILE        a binary loads here and answers
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const MOST_BYTES = 11 * 1024 * 1024;

/**
 * @param {string} project the project's folder
 * @param {string | undefined} tag the tag that is released, `v` in front
 * @returns {string[]} what is wrong, in sentences
 */
export function versionFaults(project, tag) {
  const read = (file) => readFileSync(path.join(project, file), "utf8");
  const { version } = JSON.parse(read("package.json"));
  const named = new Map([["Cargo.toml", /^version = "(.*)"$/m.exec(read("Cargo.toml"))?.[1]]]);
  for (const entry of readdirSync(path.join(project, "npm"), { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === "dist") continue;
    const file = `npm/${entry.name}/package.json`;
    named.set(file, JSON.parse(read(file)).version);
  }
  if (tag !== undefined) named.set("the tag", tag.replace(/^v/, ""));
  const faults = [...named]
    .filter(([, other]) => other !== version)
    .map(([where, other]) => `${where} names ${other}, package.json ${version}`);
  if (!read("CHANGELOG.md").split("\n").includes(`## ${version}`)) faults.push(`CHANGELOG.md has no section ${version}`);
  return faults;
}

/** @returns {string[]} what is wrong, in sentences */
export function sizeFaults(file) {
  const { size } = statSync(file);
  return size <= MOST_BYTES ? [] : [`${file} has ${size} bytes, at most ${MOST_BYTES} are allowed`];
}

/** @returns {string[]} what is wrong, in sentences */
export function loadFaults(file) {
  const addon = createRequire(import.meta.url)(path.resolve(file));
  const ids = addon.listParallAccountIds({});
  return Array.isArray(ids) && ids.length === 0 ? [] : [`${file} lists accounts in an empty configuration: ${JSON.stringify(ids)}`];
}

function check([what, file]) {
  if (what === "version") return versionFaults(PROJECT, process.env.GITHUB_REF_TYPE === "tag" ? process.env.GITHUB_REF_NAME : undefined);
  if (what === "size") return sizeFaults(file);
  if (what === "load") return loadFaults(file);
  return ["usage: check-release.mjs version | size FILE | load FILE"];
}

if (process.argv[1] === import.meta.filename) {
  const faults = check(process.argv.slice(2));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
