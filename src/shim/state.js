/**
 * What every copy of the plugin in one process shares.
 *
 * Newer hosts evaluate the package several times: hooks, tools and `startAccount` run in different copies, and module variables
 * of one are invisible to the others. Everything that must be common therefore hangs on one object of the process.
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { fileURLToPath } from "node:url";

const KEY = Symbol.for("@parall/parall");

/**
 * @typedef {object} SharedState
 * @property {string | undefined} rootDir folder of the installed package, as the host names it
 * @property {Record<string, any> | undefined} runtime the host's `api.runtime`
 * @property {string | undefined} runtimeMode registration mode the runtime came from
 * @property {Map<string, { key: string, gateway: any, tools: any }>} tools the opened tools of each account, and what they were opened for
 * @property {Map<string, RunningAccount>} accounts accounts whose gateway runs in this process
 * @property {Set<string>} reported problems already written to the log
 * @property {Set<string>} takenOver accounts that have been started in this process
 * @property {Map<string, import("./gateway/runs.js").Run>} runs runs of the host, by turn
 * @property {Set<string>} ended those of them that have ended, the oldest first
 * @property {AsyncLocalStorage<string>} currentRun the turn from whose run something is called
 * @property {Set<(accountId: string) => void>} waiting called when an account starts
 * @property {Map<string, { start: object, sid: string }>} met messages handed to the host: the start of the account that did it last,
 *   and under which id
 *
 * @typedef {object} RunningAccount
 * @property {any} gateway the native gateway
 * @property {() => void} restart ends this start; another one follows at once
 * @property {Promise<void>} ended resolves when the gateway is closed
 */

/** @returns {SharedState} */
export function shared() {
  globalThis[KEY] ??= {
    rootDir: undefined,
    runtime: undefined,
    runtimeMode: undefined,
    accounts: new Map(),
    reported: new Set(),
    takenOver: new Set(),
    met: new Map(),
  };
  const state = globalThis[KEY];
  // An older copy of the plugin may have made the object before an update.
  state.tools ??= new Map();
  state.runs ??= new Map();
  state.ended ??= new Set();
  state.currentRun ??= new AsyncLocalStorage();
  state.waiting ??= new Set();
  return state;
}

/**
 * Remembers the host's objects of one registration. The runtime of the `full` registration, which owns the accounts, is only
 * replaced by a newer `full` one.
 *
 * @param {{ registrationMode?: string, rootDir?: string, runtime?: any }} api
 */
export function remember(api) {
  const state = shared();
  const mode = api.registrationMode ?? "full";
  if (mode === "setup-only") return;
  if (state.runtime !== undefined && state.runtimeMode === "full" && mode !== "full") return;
  state.runtime = api.runtime;
  state.runtimeMode = mode;
  if (typeof api.rootDir === "string" && api.rootDir !== "") state.rootDir = api.rootDir;
}

/** The package's folder. The files that nothing imports are only there: newer hosts run copies of what is imported. */
export const packageFolder = () => shared().rootDir ?? fileURLToPath(new URL("../..", import.meta.url));
