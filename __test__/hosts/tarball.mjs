/** Reads what a packed tarball holds. */
import { execFileSync } from "node:child_process";

/** @param {string} file */
export function listTarball(file) {
  return execFileSync("tar", ["-tzf", file], { encoding: "utf8" }).trim().split("\n").sort();
}

/** The text of one file of the package. */
export function readTarball(file, name) {
  return execFileSync("tar", ["-xzOf", file, `package/${name}`], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
}

/** @param {string} file */
export function readPackedManifest(file) {
  return JSON.parse(readTarball(file, "package.json"));
}
