/** Refuses to test an addon that is older than its sources. */
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const BUILT_FROM = ["Cargo.toml", "Cargo.lock", "build.rs", "src"];

/**
 * @param {string} [project] folder of the project
 * @throws {Error} when there is no addon, or a file it is built from is newer than the newest one
 */
export function requireFreshAddon(project = PROJECT) {
  const built = Math.max(
    ...readdirSync(project).flatMap((name) => (/^parall\..+\.node$/.test(name) ? [timeOf(path.join(project, name))] : [])),
  );
  if (built === Number.NEGATIVE_INFINITY) throw new Error("there is no addon yet; make it with: npm run build:debug");
  const newer = BUILT_FROM.flatMap((name) => sources(path.join(project, name))).find((file) => timeOf(file) > built);
  if (newer) throw new Error(`the addon is older than ${path.relative(project, newer)}; make it again with: npm run build:debug`);
}

function sources(place) {
  if (!existsSync(place)) return [];
  if (statSync(place).isFile()) return [place];
  const names = readdirSync(place, { recursive: true }).filter((name) => /\.(?:rs|json)$/.test(name));
  return names.map((name) => path.join(place, name));
}

const timeOf = (file) => statSync(file).mtimeMs;
