/**
 * Loads the native part, once a process and version, and offers its functions to direct users of `@parall/parall/native`.
 *
 * Nothing is loaded before the first call. The package folder comes from the host (`api.rootDir`): newer hosts run private
 * copies of this file, and a library next to each copy would be mapped anew and never unmapped.
 */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { packageFolder } from "./state.js";

const ERROR_CODE = "PARALL_NATIVE_LOAD";

/** The native part; see `index.d.ts` for what it offers. */
export function native() {
  const root = packageFolder();
  const require = createRequire(path.join(root, "package.json"));
  const { name, version } = require("./package.json");
  const key = Symbol.for(`${name}/native@${version}`);
  globalThis[key] ??= load(require, root, name, version);
  return globalThis[key];
}

/** A public function of the native part, loaded at its first call. */
const forward = (name) => ({ [name]: (...parameters) => native()[name](...parameters) })[name];

export const listParallAccountIds = forward("listParallAccountIds");
export const resolveParallAccount = forward("resolveParallAccount");
export const fetchAndApplyPlatformConfig = (options) => native().fetchAndApplyPlatformConfig(withLogFunction(options));
export const diffPlatformConfig = (options) => native().diffPlatformConfig(withLogFunction(options));
export const resolveTranscriptFile = forward("resolveTranscriptFile");
export const forkOrchestratorSession = forward("forkOrchestratorSession");
export const cleanupForkSession = forward("cleanupForkSession");
export const findForkLeftovers = forward("findForkLeftovers");
export const removeForkLeftovers = forward("removeForkLeftovers");
export const readSessionEntry = forward("readSessionEntry");
export const upsertSessionEntry = forward("upsertSessionEntry");
export const deleteSessionEntry = forward("deleteSessionEntry");
export const listQueue = forward("listQueue");
export const retryDispatch = forward("retryDispatch");
export const dropDispatch = forward("dropDispatch");
export const listForks = forward("listForks");
export const accountView = forward("accountView");
export const traceEvent = forward("traceEvent");

/** The native part takes a function `(level, message)`; a logger object with `info`, `warn` and `error` becomes one. */
function withLogFunction({ log, ...options }) {
  if (typeof log === "function") return { ...options, log };
  return log ? { ...options, log: (level, message) => log[level]?.(message) } : options;
}

function load(require, root, name, version) {
  const { libc, describe } = detectLibc(require);
  const platform = [process.platform, process.arch, libc].filter(Boolean).join("-");
  const file = path.join(root, `parall.${platform}.node`);
  const packageName = `${name}-${platform}`;
  const failures = [];
  for (const [place, open] of [
    [file, () => require(file)],
    [packageName, () => loadPackage(require, packageName, version)],
  ]) {
    try {
      return open();
    } catch (error) {
      failures.push({ place, error });
    }
  }
  throw loadError({ platform, libcText: describe(), version, failures, packageName });
}

/**
 * A binary of another release would answer to other calls, so its version must be ours. One that is cut off, as a full disk leaves it,
 * would end the whole process with a signal, so its size must be the one that was packed.
 */
function loadPackage(require, packageName, version) {
  const { version: found, parall } = require(`${packageName}/package.json`);
  if (found !== version) throw new Error(`version ${found} is installed, ${version} is needed`);
  const { size } = statSync(require.resolve(packageName));
  if (parall && size !== parall.bytes) throw new Error(`the file is damaged: it has ${size} bytes instead of ${parall.bytes}`);
  return require(packageName);
}

/** Which C library this is, and a function that describes it for an error: its version takes milliseconds to find. */
function detectLibc(require) {
  if (process.platform === "win32") return { libc: "msvc", describe: () => "msvc" };
  if (process.platform !== "linux") return { libc: "", describe: () => "system library" };
  let family = null;
  let versionOf;
  try {
    const detect = require("detect-libc");
    family = detect.familySync();
    versionOf = () => detect.versionSync();
  } catch {
    // The dependency is missing (a checkout, a pruned install): Node's own report knows glibc.
    process.report.excludeNetwork = true;
    const version = process.report.getReport().header.glibcVersionRuntime ?? null;
    family = version === null ? "musl" : "glibc";
    versionOf = () => version;
  }
  const libc = family === "musl" ? "musl" : "gnu";
  return { libc, describe: () => [family ?? "unknown libc", versionOf()].filter(Boolean).join(" ") };
}

function loadError({ platform, libcText, version, failures, packageName }) {
  const missing = ({ error }) => error?.code === "MODULE_NOT_FOUND";
  const lines = failures.map((failure) => `  - ${failure.place}: ${missing(failure) ? "not there" : firstLine(failure.error)}`);
  const advice = failures.every(missing)
    ? `Install the plugin again with optional dependencies allowed, so that ${packageName}@${version} comes along. If npm has no such package, this system is not supported.`
    : `The binary that is there does not fit this system. Install the plugin again; if the message stays, this system is not supported.`;
  const message = [
    `Parall: the native part ${version} could not be loaded for ${platform} (Node ${process.version}, ${libcText}). Tried:`,
    ...lines,
    advice,
  ].join("\n");
  const error = new AggregateError(
    failures.map((failure) => failure.error),
    message,
  );
  return Object.assign(error, { code: ERROR_CODE });
}

const firstLine = (error) => String(error?.message ?? error).split("\n")[0];
