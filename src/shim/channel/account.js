/**
 * `channels.parall` and the environment -> accounts, for the phases in which the native part must stay unloaded (set-up,
 * listings, inspection). The native part resolves accounts by the same rules; both are tested against one table.
 */
import { accountsProblem, CHANNEL, canonicalId, DEFAULT_ACCOUNT, isObject, namedAccounts, sectionOf } from "./account-ids.js";

export { CHANNEL, DEFAULT_ACCOUNT };

/** Setting -> environment variable that fills it when the file leaves it out. */
const ENVIRONMENT = {
  parall_url: "PRLL_API_URL",
  api_key: "PRLL_API_KEY",
  org_id: "PRLL_ORG_ID",
  ws_url: "PRLL_WS_URL",
};
const REQUIRED = ["parall_url", "api_key", "org_id"];
/** Settings of the channel that are none of an account. */
const OF_CHANNEL = ["accounts", "defaultAccount"];

/**
 * @typedef {object} ResolvedAccount
 * @property {string} accountId
 * @property {boolean} enabled
 * @property {boolean} configured
 * @property {Record<string, any>} config the settings, with strings trimmed, references resolved and gaps filled; address, key
 *   and organisation are always texts, empty when unknown
 */

/**
 * The ids of a configuration, the default account first. A section without named accounts is the default account; beside named ones
 * it is one when it has a key of its own.
 *
 * @returns {string[]}
 */
export function listAccountIds(cfg) {
  const section = sectionOf(cfg);
  if (!section) return [];
  const named = namedAccounts(section);
  const hasDefault = named.size === 0 || named.has(DEFAULT_ACCOUNT) || !isBlank(section.api_key);
  return [...(hasDefault ? [DEFAULT_ACCOUNT] : []), ...[...named.keys()].filter((id) => id !== DEFAULT_ACCOUNT)];
}

/** The account that is meant when none is named: the one that `defaultAccount` names, else `default`, else the first one. */
export function defaultAccountId(cfg) {
  const ids = listAccountIds(cfg);
  const named = sectionOf(cfg)?.defaultAccount;
  const wanted = typeof named === "string" && named.trim() !== "" ? canonicalId(named) : DEFAULT_ACCOUNT;
  if (ids.includes(wanted)) return wanted;
  return ids.includes(DEFAULT_ACCOUNT) ? DEFAULT_ACCOUNT : (ids[0] ?? DEFAULT_ACCOUNT);
}

/**
 * @param {any} cfg
 * @param {string | null} [accountId]
 * @param {Record<string, string | undefined>} [environment]
 * @returns {ResolvedAccount}
 */
export function resolveAccount(cfg, accountId, environment = process.env) {
  const id = idOf(cfg, accountId);
  const settings = settingsOf(cfg, id);
  const config = Object.fromEntries(REQUIRED.map((name) => [name, ""]));
  if (settings === undefined) return { accountId: id, enabled: false, configured: false, config };
  Object.assign(config, settings);
  for (const name of Object.keys(ENVIRONMENT)) {
    const { value } = resolveSetting(settings, name, id, environment);
    if (value !== undefined) config[name] = value;
    else if (REQUIRED.includes(name)) config[name] = "";
    else delete config[name];
  }
  return {
    accountId: id,
    enabled: sectionOf(cfg)?.enabled !== false && settings.enabled !== false,
    configured: REQUIRED.every((name) => config[name] !== "") && problemOf(cfg, id, config.api_key, environment) === undefined,
    config,
  };
}

/**
 * Why the account is not configured, in one sentence for a person; `undefined` when it is.
 *
 * @param {any} cfg
 * @param {string | null} [accountId]
 * @param {Record<string, string | undefined>} [environment]
 */
export function unconfiguredReason(cfg, accountId, environment = process.env) {
  const id = idOf(cfg, accountId);
  const settings = settingsOf(cfg, id);
  if (settings === undefined) return `there is no account "${id}" in channels.${CHANNEL}.`;
  const { value: key } = resolveSetting(settings, "api_key", id, environment);
  const problem = problemOf(cfg, id, key, environment);
  if (problem) return `${problem}.`;
  const problems = REQUIRED.map((name) => resolveSetting(settings, name, id, environment).problem).filter(Boolean);
  return problems.length > 0 ? `${problems.join("; ")}.` : undefined;
}

/**
 * Where a setting came from, without its value: "config", "env", or "missing".
 *
 * @param {any} cfg
 * @param {string} name
 * @param {string | null} [accountId]
 * @param {Record<string, string | undefined>} [environment]
 */
export function settingSource(cfg, name, accountId, environment = process.env) {
  const id = idOf(cfg, accountId);
  return resolveSetting(settingsOf(cfg, id) ?? {}, name, id, environment).source;
}

function idOf(cfg, accountId) {
  return typeof accountId === "string" && accountId.trim() !== "" ? canonicalId(accountId) : defaultAccountId(cfg);
}

/** What holds for an account: its own settings over those of the channel. The key is never taken over: one key is one account. */
function settingsOf(cfg, id) {
  const section = sectionOf(cfg) ?? {};
  const own = namedAccounts(section).get(id)?.settings;
  if (own === undefined && id !== DEFAULT_ACCOUNT) return undefined;
  const shared = Object.entries(section).filter(([name]) => !OF_CHANNEL.includes(name) && (id === DEFAULT_ACCOUNT || name !== "api_key"));
  const set = Object.entries(own ?? {}).filter(([name, value]) => !OF_CHANNEL.includes(name) && value !== null && value !== undefined);
  return Object.fromEntries([...shared, ...set]);
}

/** Why an account must not start although nothing is missing. */
function problemOf(cfg, id, key, environment) {
  const section = sectionOf(cfg) ?? {};
  const named = namedAccounts(section);
  const problem = accountsProblem(section) ?? named.get(id)?.problem;
  if (problem !== undefined || named.size === 0 || !key) return problem;
  const ids = listAccountIds(cfg);
  const isSame = (other) => {
    const settings = settingsOf(cfg, other);
    return settings?.enabled !== false && resolveSetting(settings, "api_key", other, environment).value === key;
  };
  const first = ids.slice(0, Math.max(0, ids.indexOf(id))).find(isSame);
  return first === undefined
    ? undefined
    : `the accounts "${first}" and "${id}" have the same key: one agent is one account, so the second does not start`;
}

/** @returns {{ value?: string, source: "config" | "env" | "missing", problem?: string }} */
function resolveSetting(settings, name, id, environment) {
  const written = settings[name];
  const path = id === DEFAULT_ACCOUNT ? `channels.${CHANNEL}.${name}` : `channels.${CHANNEL}.accounts.${id}.${name}`;
  if (isBlank(written)) {
    // The key of the environment is that of one agent.
    const variable = id === DEFAULT_ACCOUNT || name !== "api_key" ? ENVIRONMENT[name] : undefined;
    const value = variable && text(environment[variable]);
    if (value) return { value, source: "env" };
    return { source: "missing", problem: `${path} is missing${variable ? ` (or set ${variable})` : ""}` };
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

const isBlank = (value) => value === undefined || value === null || (typeof value === "string" && value.trim() === "");
const text = (value) => (typeof value === "string" && value.trim() !== "" ? value.trim() : undefined);
