/**
 * `channels.parall` and the environment -> accounts, for the phases in which the native part must stay unloaded (set-up,
 * listings, inspection). The native part resolves accounts by the same rules; both are tested against one table.
 */

export const CHANNEL = "parall";
export const DEFAULT_ACCOUNT = "default";

/** Setting -> environment variable that fills it when the file leaves it out. */
const ENVIRONMENT = {
  parall_url: "PRLL_API_URL",
  api_key: "PRLL_API_KEY",
  org_id: "PRLL_ORG_ID",
  ws_url: "PRLL_WS_URL",
};
const REQUIRED = ["parall_url", "api_key", "org_id"];

/**
 * @typedef {object} ResolvedAccount
 * @property {string} accountId
 * @property {boolean} enabled
 * @property {boolean} configured
 * @property {Record<string, any>} config the section, with strings trimmed, references resolved and gaps filled; address, key
 *   and organisation are always texts, empty when unknown
 */

/** The section `channels.parall`, or `undefined` when the configuration has none. */
function sectionOf(cfg) {
  const section = cfg?.channels?.[CHANNEL];
  return isObject(section) ? section : undefined;
}

/** @returns {string[]} */
export function listAccountIds(cfg) {
  return sectionOf(cfg) ? [DEFAULT_ACCOUNT] : [];
}

/**
 * @param {any} cfg
 * @param {string | null} [accountId]
 * @param {Record<string, string | undefined>} [environment]
 * @returns {ResolvedAccount}
 */
export function resolveAccount(cfg, accountId, environment = process.env) {
  const id = accountId?.trim().toLowerCase() || DEFAULT_ACCOUNT;
  const config = Object.fromEntries(REQUIRED.map((name) => [name, ""]));
  if (id !== DEFAULT_ACCOUNT) return { accountId: id, enabled: false, configured: false, config };
  const section = sectionOf(cfg) ?? {};
  Object.assign(config, section);
  for (const name of Object.keys(ENVIRONMENT)) {
    const { value } = resolveSetting(section, name, environment);
    if (value !== undefined) config[name] = value;
    else if (REQUIRED.includes(name)) config[name] = "";
    else delete config[name];
  }
  return {
    accountId: id,
    enabled: section.enabled !== false,
    configured: REQUIRED.every((name) => config[name] !== ""),
    config,
  };
}

/**
 * Why the account is not configured, in one sentence for a person; `undefined` when it is.
 *
 * @param {any} cfg
 * @param {Record<string, string | undefined>} [environment]
 */
export function unconfiguredReason(cfg, environment = process.env) {
  const section = sectionOf(cfg) ?? {};
  const problems = REQUIRED.map((name) => resolveSetting(section, name, environment).problem).filter(Boolean);
  return problems.length > 0 ? `${problems.join("; ")}.` : undefined;
}

/**
 * Where a setting came from, without its value: "config", "env", or "missing".
 *
 * @param {any} cfg
 * @param {string} name
 * @param {Record<string, string | undefined>} [environment]
 */
export function settingSource(cfg, name, environment = process.env) {
  return resolveSetting(sectionOf(cfg) ?? {}, name, environment).source;
}

/** @returns {{ value?: string, source: "config" | "env" | "missing", problem?: string }} */
function resolveSetting(section, name, environment) {
  const written = section[name];
  const path = `channels.${CHANNEL}.${name}`;
  if (isBlank(written)) {
    const value = text(environment[ENVIRONMENT[name]]);
    if (value !== undefined) return { value, source: "env" };
    return { source: "missing", problem: `${path} is missing (or set ${ENVIRONMENT[name]})` };
  }
  if (typeof written === "string") return { value: written.trim(), source: "config" };
  if (isObject(written)) return resolveReference(written, path, environment);
  return { source: "missing", problem: `${path} must be a string` };
}

/** A secret reference `{ source: "env", id: "NAME" }`; other sources are resolved by the host before they get here. */
function resolveReference(reference, path, environment) {
  const id = text(reference.id);
  if (reference.source !== "env" || id === undefined) {
    return { source: "missing", problem: `${path} is a secret reference that the host did not resolve` };
  }
  const value = text(environment[id]);
  if (value !== undefined) return { value, source: "env" };
  return { source: "missing", problem: `${path} refers to the environment variable ${id}, which is empty` };
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isBlank = (value) => value === undefined || value === null || (typeof value === "string" && value.trim() === "");
const text = (value) => (typeof value === "string" && value.trim() !== "" ? value.trim() : undefined);
