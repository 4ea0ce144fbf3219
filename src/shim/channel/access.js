/**
 * Who may write to the agent is decided in Parall. Settings with which other channels limit that have no effect here, and whoever
 * wrote one counts on it, so an account with such a limit is not started.
 */
import { CHANNEL } from "./account.js";

/** Setting -> whether it leaves the door open, as it is without it. */
const LIMITS = {
  dmPolicy: isOpenPolicy,
  groupPolicy: isOpenPolicy,
  allowFrom: holdsEverybody,
  groupAllowFrom: holdsEverybody,
  groups: isEmpty,
  access: isEmpty,
};

/**
 * Why an account must not be started, in one sentence for a person; `undefined` when nothing limits who may write.
 *
 * @param {any} cfg the host's configuration
 * @returns {string | undefined}
 */
export function unenforcedLimits(cfg) {
  const section = cfg?.channels?.[CHANNEL] ?? {};
  const set = Object.keys(LIMITS).filter((name) => section[name] !== undefined && section[name] !== null && !LIMITS[name](section[name]));
  if (set.length === 0) return undefined;
  const names = set.map((name) => `channels.${CHANNEL}.${name}`).join(", ");
  return `${names}: this version cannot limit who may write to the agent, so the account does not start; decide it in Parall and remove the setting`;
}

function isOpenPolicy(value) {
  return value === "open";
}

function holdsEverybody(value) {
  return Array.isArray(value) && value.includes("*");
}

function isEmpty(value) {
  return typeof value === "object" && Object.keys(value).length === 0;
}
