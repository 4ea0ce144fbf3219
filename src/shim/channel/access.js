/**
 * Who may cause turns, for the native part, which has the rules, and for the audits of hosts.
 */
import { native } from "../native.js";
import { CHANNEL, resolveAccount } from "./account.js";

const SETTINGS = ["dmPolicy", "allowFrom", "groupPolicy", "groupAllowFrom", "groups", "access"];

/**
 * What of a section is about access, as it is written; `undefined` when nothing is.
 *
 * @param {Record<string, any>} config
 * @returns {Record<string, any> | undefined}
 */
export function accessSettings(config) {
  const set = SETTINGS.filter((name) => config[name] !== undefined && config[name] !== null);
  return set.length > 0 ? Object.fromEntries(set.map((name) => [name, config[name]])) : undefined;
}

/**
 * What hosts ask for `security audit` and `doctor`. Hosts have no word for "members of the organisation", which is what holds
 * without settings, so they are told of other policies alone.
 */
export const security = {
  resolveDmPolicy: (place) => {
    const { dmPolicy, allowFrom } = described(place);
    if (dmPolicy === undefined || dmPolicy === "org") return null;
    return {
      policy: dmPolicy,
      allowFrom,
      policyPath: `channels.${CHANNEL}.dmPolicy`,
      allowFromPath: `channels.${CHANNEL}.`,
      approveHint: `Add the member's id (usr_...) to channels.${CHANNEL}.allowFrom.`,
    };
  },
  /** All direct chats of an account are in one session, whatever `session.dmScope` says. */
  dmRouting: {
    resolveDmRoute: ({ accountId, route }) => ({ sessionKey: `agent:${route.agentId}:${CHANNEL}:${accountId}`.toLowerCase() }),
  },
  collectWarnings: (place) => {
    const { problem } = described(place);
    return problem === undefined ? [] : [problem];
  },
  collectAuditFindings: (place) => {
    const { dmPolicy } = described(place);
    if (dmPolicy !== "org" && dmPolicy !== "open") return [];
    return [
      {
        checkId: `channels.${CHANNEL}.session.shared`,
        severity: "info",
        title: "Parall chats share one session",
        detail: `Everybody who may write to the agent, ${dmPolicy === "org" ? "which is every member of the organisation" : "which is everybody"}, shares its session and may learn from it what others wrote.`,
        remediation: `Name who may write in channels.${CHANNEL}.allowFrom, or give people who must not share a session agents of their own.`,
      },
    ];
  },
};

/** The rules in words; with a `problem` where they cannot be known. Never throws, so that an audit goes on. */
function described({ cfg, accountId, account }) {
  const config = account?.config ?? resolveAccount(cfg, accountId).config;
  const settings = accessSettings(config);
  if (settings === undefined) return { dmPolicy: "org", allowFrom: [] };
  try {
    return native().describeAccess(settings);
  } catch (error) {
    return { problem: `Parall: ${error.message}` };
  }
}
