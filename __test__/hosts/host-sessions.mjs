/** What a host keeps of sessions: read from its files or its database, whichever it has. Reads only. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROWS = fileURLToPath(new URL("rows.mjs", import.meta.url));

/** The folder in which a host with files keeps the sessions of its agent. */
export const sessionsFolder = (host) => path.join(host.stateDir, "agents", "main", "sessions");
/** What a host that is killed leaves of a store it was about to replace, and never removes. Ours have other names. */
const HOSTS_OWN = /^sessions\.json\.[0-9a-f-]{36}\.tmp$/;

const storeFile = (host) => path.join(sessionsFolder(host), "sessions.json");

/** Asks the host's database, with the host's Node, also while the gateway runs; see rows.mjs. */
export function askDatabase(host, action, ...what) {
  const database = path.join(host.stateDir, "agents", "main", "agent", "openclaw-agent.sqlite");
  const out = execFileSync(host.program.node, ["--no-warnings", ROWS, database, action, ...what], { encoding: "utf8", maxBuffer: 1e9 });
  return JSON.parse(out);
}

/** The entries of a host with files; `undefined` on another. */
export function storeEntries(host) {
  return existsSync(storeFile(host)) ? JSON.parse(readFileSync(storeFile(host), "utf8")) : undefined;
}

/**
 * @param {import("./host.mjs").Host} host
 * @returns {{ keys: string[], strays: string[], broken: string[] }} the session keys; transcripts that no session has; entries of
 *   transcripts that hang on none
 */
export function sessionsOf(host) {
  const entries = storeEntries(host);
  if (entries === undefined) return askDatabase(host, "sessions");
  const folder = sessionsFolder(host);
  const own = Object.values(entries).map(({ sessionFile }) => path.resolve(folder, sessionFile));
  const files = readdirSync(folder)
    .filter((name) => name !== "sessions.json" && !HOSTS_OWN.test(name))
    .map((name) => path.join(folder, name));
  return { keys: Object.keys(entries), strays: files.filter((file) => !own.includes(file)), broken: own.flatMap(brokenLines) };
}

function brokenLines(file) {
  const ids = new Set();
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .flatMap((line, index) => {
      try {
        const { id, parentId } = JSON.parse(line);
        ids.add(id);
        return parentId && !ids.has(parentId) ? [`${file}:${index + 1} hangs on ${parentId}, which is not there`] : [];
      } catch (error) {
        return [`${file}:${index + 1}: ${error.message}`];
      }
    });
}
