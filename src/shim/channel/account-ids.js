/**
 * `channels.parall.accounts` -> ids, and why one of them is none. The native part has the same rules; both are tested against one
 * table.
 */

import { oneLine } from "../text.js";

export const CHANNEL = "parall";
export const DEFAULT_ACCOUNT = "default";

/** What hosts take for an id as it is. */
const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
/** Ids that hosts take for the default account, because objects of JavaScript have properties of these names. */
const RESERVED = new Set(["constructor", "prototype"]);
const LONGEST = 64;
/** How much of a wrong id a sentence repeats. */
const SHOWN = 80;

/**
 * @typedef {object} AccountEntry
 * @property {Record<string, any>} settings what the account sets by itself
 * @property {string} [problem] why it is no account, in one sentence for a person
 */

/** The section `channels.parall`, or `undefined` when the configuration has none. */
export function sectionOf(cfg) {
  const section = cfg?.channels?.[CHANNEL];
  return isObject(section) ? section : undefined;
}

/**
 * The accounts that a section names, by the ids under which hosts know them. Hosts write ids small and replace what is neither
 * letter nor digit, so one that they would change is an account that cannot start, under the id that they would give it.
 *
 * @returns {Map<string, AccountEntry>}
 */
export function namedAccounts(section) {
  const accounts = new Map();
  if (!isObject(section?.accounts)) return accounts;
  for (const [name, settings] of Object.entries(section.accounts)) {
    const id = canonicalId(name);
    const before = accounts.get(id);
    accounts.set(id, {
      settings: isObject(settings) ? settings : {},
      problem: before
        ? `${pathOf(name)} is the same account as another one: their names differ only in case or signs`
        : problemOf(name, settings),
    });
  }
  return accounts;
}

/** Why a section has no accounts that can be read; `undefined` when it has. */
export function accountsProblem(section) {
  const accounts = section?.accounts;
  if (accounts === undefined || accounts === null || isObject(accounts)) return undefined;
  return `channels.${CHANNEL}.accounts has to be an object with an account under each id`;
}

/** An id as hosts write it. */
export function canonicalId(name) {
  const id = name.trim().toLowerCase();
  const safe = ID.test(id)
    ? id
    : id
        .replace(/[^a-z0-9_-]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, LONGEST);
  return safe === "" || safe === "__proto__" || RESERVED.has(safe) ? `invalid${safe === "" ? "" : `-${safe.replaceAll("_", "")}`}` : safe;
}

function problemOf(name, settings) {
  if (!ID.test(name) || RESERVED.has(name)) {
    return `${pathOf(name)}: an account id is up to ${LONGEST} small letters, digits, - and _, and begins with a letter or digit`;
  }
  return isObject(settings) ? undefined : `${pathOf(name)} has to be an object`;
}

function pathOf(name) {
  return `channels.${CHANNEL}.accounts.${ID.test(name) ? name : JSON.stringify(oneLine(name).slice(0, SHOWN))}`;
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
