/** What the project depends on directly: licences from the lock files, reasons from `dependencies.json`. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { table } from "./table.mjs";

const PROJECT = new URL("../../", import.meta.url);
const readJson = (file) => JSON.parse(readFileSync(new URL(file, PROJECT), "utf8"));
const reasons = readJson("docs/made/dependencies.json");

/** @typedef {{ name: string, licence: string }} Dependency */

/** What `cargo` knows of the addon and all that it is made of on this project's first platform. */
function metadata() {
  const platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
  const output = execFileSync("cargo", ["metadata", "--locked", "--format-version=1", ...platform], {
    cwd: fileURLToPath(PROJECT),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(output);
}

/** The crates that `Cargo.toml` names; those for tests without what the addon has anyway. */
function crates({ packages, resolve }) {
  const byId = new Map(packages.map((entry) => [entry.id, entry]));
  const { deps } = resolve.nodes.find(({ id }) => id === resolve.root);
  /** @param {null | "build" | "dev"} kind null is what the addon itself is made of @returns {Dependency[]} */
  const ofKind = (kind) =>
    deps
      .filter(({ pkg, dep_kinds: kinds }) => pkg !== resolve.root && kinds.some((entry) => entry.kind === kind))
      .map(({ pkg }) => byId.get(pkg))
      .map(({ name, license }) => ({ name, licence: license.replaceAll("/", " OR ") }))
      .sort((a, b) => a.name.localeCompare(b.name));
  const addon = ofKind(null);
  const isAddon = ({ name }) => addon.some((other) => other.name === name);
  return { addon, build: ofKind("build"), tests: ofKind("dev").filter((entry) => !isAddon(entry)) };
}

/** The packages that `package.json` names under `kind`. @returns {Dependency[]} */
function modules(kind) {
  const { packages } = readJson("package-lock.json");
  return Object.keys(readJson("package.json")[kind] ?? {}).map((name) => {
    const { license } = packages[`node_modules/${name}`];
    return { name, licence: license };
  });
}

/** @throws {Error} when a dependency has no reason, or a reason no dependency */
function describe(title, found) {
  const wanted = reasons[title];
  const names = found.map(({ name }) => name);
  const without = names.filter((name) => !(name in wanted));
  const left = Object.keys(wanted).filter((name) => !names.includes(name));
  if (without.length > 0) throw new Error(`say in docs/made/dependencies.json ("${title}") what ${without.join(", ")} is for`);
  if (left.length > 0) throw new Error(`${left.join(", ")} in docs/made/dependencies.json ("${title}") is no dependency`);
  const rows = found.map(({ name, licence }) => [`\`${name}\``, licence, wanted[name]]);
  return table([["package", "licence", "what it is for"], ...rows]);
}

/** @returns {Record<string, () => string>} the parts of the page, by name */
export function dependencies() {
  const { addon, build, tests } = crates(metadata());
  return {
    addon: describe("addon", addon),
    "addon-tools": describe("addon-tools", [...build, ...tests]),
    package: describe("package", modules("dependencies")),
    "package-tools": describe("package-tools", modules("devDependencies")),
  };
}
