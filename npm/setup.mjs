/**
 * Installs exactly what package-lock.json says, unless that is there already, so that running tests keep their modules.
 *
 *   node npm/setup.mjs [folder]      folder of the project with a lock file of its own; the project itself when left out
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.join(fileURLToPath(new URL("..", import.meta.url)), process.argv[2] ?? "");
const MARKER = path.join(folder, "node_modules", ".complete");

const lock = readFileSync(path.join(folder, "package-lock.json"), "utf8");
if (!existsSync(MARKER) || readFileSync(MARKER, "utf8") !== lock) {
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: folder,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  writeFileSync(MARKER, lock);
}
