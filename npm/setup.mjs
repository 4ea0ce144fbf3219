/** Installs exactly what package-lock.json says, unless that is there already, so that running tests keep their modules. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const MARKER = `${PROJECT}node_modules/.complete`;

const lock = readFileSync(`${PROJECT}package-lock.json`, "utf8");
if (!existsSync(MARKER) || readFileSync(MARKER, "utf8") !== lock) {
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: PROJECT,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  writeFileSync(MARKER, lock);
}
