/** `openclaw parall config diff`: what the platform's configuration would change, without changing it. */
import { resolveAccount, unconfiguredReason } from "../channel/account.js";
import { configPlace } from "../channel/config-place.js";
import { trustOptions } from "../channel/options.js";
import { diffPlatformConfig } from "../native.js";
import { shared } from "../state.js";
import { attempt, fail, failAsJson } from "./output.js";

/**
 * @param {any} cfg the host's configuration
 * @param {(line: string) => void} print
 * @param {{ json?: boolean }} [options]
 */
export async function diff(cfg, print, { json } = {}) {
  const { configured, config } = resolveAccount(cfg);
  if (!configured) {
    const message = unconfiguredReason(cfg);
    return json ? failAsJson(print, { code: "PARALL_NOT_CONFIGURED", message }) : fail(print, message);
  }
  await attempt(print, json, async () => {
    const outcome = await diffPlatformConfig({
      credentials: { api_key: config.api_key, parall_url: config.parall_url },
      ...trustOptions(config),
      ...configPlace(shared().runtime),
    });
    for (const line of json ? [JSON.stringify(outcome)] : describe(outcome)) print(line);
    if (outcome.status === "unavailable" || outcome.status === "refused") process.exitCode = 1;
  });
}

/** The outcome of a dry run, line by line. */
export function describe({ version, changes, notes }) {
  const lines = notes.map(({ level, message }) => (level === "info" ? message : `${level}: ${message}`));
  const name = version === undefined ? "" : ` (version ${version})`;
  if (changes.length === 0) return [...lines, `The platform config${name} changes nothing.`];
  for (const file of new Set(changes.map((change) => change.file))) {
    lines.push(`The platform config${name} would change ${file}:`);
    for (const change of changes.filter((one) => one.file === file)) {
      lines.push(`  ${change.path}`);
      if (change.before !== undefined) lines.push(`    - ${change.before}`);
      lines.push(`    + ${change.after}`);
    }
  }
  return lines;
}
