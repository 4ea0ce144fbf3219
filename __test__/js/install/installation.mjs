/** Installations of the plugin in folders that go away again, with a native part that is there, or is not, or is another one. */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { native } from "../../../src/shim/native.js";
import { shared } from "../../../src/shim/state.js";

export const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
export const { version } = JSON.parse(readFileSync(path.join(PROJECT, "package.json"), "utf8"));
export const LIBRARY = `parall.${platformName()}.node`;
export const PLATFORM_PACKAGE = `@parall/parall-${platformName()}`;

const roots = [];

/** The folder of an installation in which nothing native is there yet. It is the plugin's from now on. */
export function fakeRoot() {
  const root = mkdtempSync(path.join(os.tmpdir(), "parall-root-"));
  roots.push(root);
  writeFileSync(path.join(root, "package.json"), JSON.stringify({ name: "@parall/parall", version }));
  shared().rootDir = root;
  return root;
}

/** @returns {string} the folder of the package */
export function installPlatformPackage(root, packageVersion) {
  const folder = path.join(root, "node_modules", PLATFORM_PACKAGE);
  mkdirSync(folder, { recursive: true });
  const { size: bytes } = statSync(path.join(PROJECT, LIBRARY));
  const manifest = { name: PLATFORM_PACKAGE, version: packageVersion, main: LIBRARY, parall: { bytes } };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  copyFileSync(path.join(PROJECT, LIBRARY), path.join(folder, LIBRARY));
  return folder;
}

/** Why the native part cannot be loaded. */
export function loadError() {
  try {
    native();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the native part was loaded" });
}

/** As in a process in which nothing was loaded yet; removes the folders. */
export function forget() {
  delete globalThis[Symbol.for("@parall/parall")];
  delete globalThis[Symbol.for(`@parall/parall/native@${version}`)];
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** This system as the packages name it. */
export function platformName() {
  const libc = { linux: process.report.getReport().header.glibcVersionRuntime ? "gnu" : "musl", win32: "msvc" }[process.platform];
  return [process.platform, process.arch, libc].filter(Boolean).join("-");
}
