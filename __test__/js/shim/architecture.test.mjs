/**
 * The house rules that a compiler does not know: imports point one way, no files need each other, folders and files stay small.
 *
 * It reads `use` and the paths written in full. What a module hands on (`pub use`) counts as an import of where it is defined.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const MOST_FILES = 12;
const MOST_LINES = 400;
/** Files that may be longer, each with its reason. */
const LONG = new Map([]);
/** A module imports from rows below its own, and from itself. */
const LAYERS = [
  ["bindings"],
  ["cli", "tools"],
  ["orchestrator"],
  ["config", "journal", "organisation", "session", "wiki"],
  ["account", "api"],
  ["background", "fs", "memory"],
  ["error"],
  ["level", "text", "time"],
];

/** Every folder below `folder` with the names of its files. */
function* walk(folder) {
  const entries = readdirSync(path.join(PROJECT, folder), { withFileTypes: true });
  yield [folder, entries.filter((entry) => entry.isFile()).map((entry) => entry.name)];
  for (const entry of entries.filter((entry) => entry.isDirectory())) {
    yield* walk(`${folder}/${entry.name}`);
  }
}

const folders = [...walk("src")];
const files = folders.flatMap(([folder, names]) => names.map((name) => `${folder}/${name}`));
const read = (file) => readFileSync(path.join(PROJECT, file), "utf8");

/** `a::{b, c::{d, e}}` as its single paths. */
function flatten(tree) {
  const group = /^([^{]*)\{(.*)\}$/s.exec(tree.trim());
  if (!group) {
    return [tree.trim()];
  }
  const parts = [""];
  let depth = 0;
  for (const character of group[2]) {
    depth += (character === "{") - (character === "}");
    if (character === "," && depth === 0) {
      parts.push("");
    } else {
      parts[parts.length - 1] += character;
    }
  }
  return parts.filter((part) => part.trim()).flatMap((part) => flatten(group[1].trim() + part.trim()));
}

const modules = new Map();
for (const file of files.filter((name) => name.endsWith(".rs") && !name.endsWith("/tests.rs"))) {
  const name = file.slice("src/".length, -".rs".length).split("/").join("::");
  const source = read(file)
    .replace(/^#\[cfg\(test\)\]\nmod \w+ \{.*?^\}/gms, "")
    .replace(/\/\/.*/g, "");
  modules.set(name.replace(/(^|::)(mod|lib)$/, ""), { file, source, passedOn: new Map() });
}

/** The path from the crate's root; undefined for a path into another crate. */
function absolute(module, written) {
  const steps = written
    .replace(/ as \w+$/, "")
    .replace(/::(self|\*)$/, "")
    .split("::");
  const here = module ? module.split("::") : [];
  if (steps[0] === "crate") {
    return steps.slice(1);
  }
  if (steps[0] === "self") {
    return [...here, ...steps.slice(1)];
  }
  const up = steps.findIndex((step) => step !== "super");
  if (up > 0) {
    return [...here.slice(0, here.length - up), ...steps.slice(up)];
  }
  return modules.has([...here, steps[0]].join("::")) ? [...here, ...steps] : undefined;
}

/** The module in which a path is defined. */
function definedIn(steps, rounds = 0) {
  for (let length = steps.length; length > 0; length -= 1) {
    const module = modules.get(steps.slice(0, length).join("::"));
    const from = module?.passedOn.get(steps[length]);
    if (from && rounds < 9) {
      return definedIn([...from, ...steps.slice(length + 1)], rounds + 1);
    }
    if (module) {
      return steps.slice(0, length).join("::");
    }
  }
}

const USE = /^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]*);/gm;
for (const [name, { source, passedOn }] of modules) {
  for (const [, isPublic, tree] of source.matchAll(USE)) {
    for (const one of isPublic ? flatten(tree) : []) {
      passedOn.set(/(\w+)$/.exec(one)?.[1], absolute(name, one));
    }
  }
}
const imports = new Map();
for (const [name, { source }] of modules) {
  const used = [...source.matchAll(USE)].filter(([, isPublic]) => !isPublic).flatMap(([, , tree]) => flatten(tree));
  const rest = source.replace(USE, "").replace(/pub\([^)]*\)/g, "");
  const inline = [...rest.matchAll(/(?<![\w:])(?:crate|self|super)(?:::\w+)+/g)].map(([written]) => written);
  const targets = [...used, ...inline].map((one) => absolute(name, one)).map((steps) => steps && definedIn(steps));
  imports.set(name, new Set(targets.filter((target) => target && target !== name)));
}

/** Everything that a module needs, directly or not. */
function needs(name, found = new Set()) {
  for (const next of imports.get(name) ?? []) {
    if (!found.has(next)) {
      needs(next, found.add(next));
    }
  }
  return found;
}

describe("the sources", () => {
  it("are read: the way from the gateway's glue to the client is found", () => {
    assert.ok(needs("bindings::gateway").has("api::client"));
  });

  it("hold no two files that need each other", () => {
    const circles = [...imports.keys()].filter((name) => needs(name).has(name));
    assert.deepEqual(circles, []);
  });

  it("import downwards only", () => {
    const layer = (name) => LAYERS.findIndex((row) => row.includes(name.split("::")[0]));
    const edges = [...imports].flatMap(([from, targets]) => [...targets].map((to) => [from, to]));
    const isUpward = ([from, to]) => layer(from) < 0 || (layer(from) >= layer(to) && from.split("::")[0] !== to.split("::")[0]);
    assert.deepEqual(edges.filter(isUpward), []);
  });

  it("know Node in the bindings alone", () => {
    const knowing = [...modules].filter(
      ([name, { source }]) => /\bnapi(?:_derive)?::|#\[napi/.test(source) && !name.startsWith("bindings"),
    );
    assert.deepEqual(
      knowing.map(([name]) => name),
      [],
    );
  });

  it("are short files in small folders", () => {
    const full = folders.filter(([, names]) => names.length > MOST_FILES).map(([folder]) => folder);
    const lines = (file) => read(file).split("\n").length - 1;
    const long = files.filter((file) => /\.(rs|js)$/.test(file) && !LONG.has(file) && lines(file) > MOST_LINES);
    assert.deepEqual([full, long], [[], []]);
  });
});
