/** What `openclaw channels status` and `channels list` tell about an account. No key ever leaves this file. */

import { native } from "../native.js";
import { CHANNEL, settingSource, unconfiguredReason } from "./account.js";
import { gatewayOptions } from "./options.js";

/** Values of the running account that the host passes through. */
const RUNTIME_KEYS = [
  "running",
  "connected",
  "lastStartAt",
  "lastStopAt",
  "lastError",
  "lastConnectedAt",
  "lastDisconnect",
  "lastInboundAt",
  "lastOutboundAt",
  "lastTransportActivityAt",
  "reconnectAttempts",
  "lifecycle",
  "terminalDisconnect",
  "busy",
  "activeRuns",
  "forks",
  "forksUnavailable",
  "forksSlow",
  "queueDepth",
  "oldestPendingAt",
  "deadLetters",
  "loopStopped",
  "refused",
  "lastRefused",
  "senderLimited",
  "eventCursor",
  "catchUp",
  "unhandled",
  "platformConfig",
  "journalRebuilt",
  "journalBytes",
  "lastDeadLetter",
  "nativeMemoryBytes",
  "admitted",
];

const BLOCKED_FIX = "do what the message says; a key that Parall refuses has to be replaced in channels.parall.api_key";

export const defaultRuntime = {
  accountId: "default",
  running: false,
  lastStartAt: null,
  lastStopAt: null,
  lastError: null,
};

/** The account without its secrets. */
export function describeAccount(account, cfg) {
  return {
    accountId: account.accountId,
    enabled: account.enabled,
    configured: account.configured,
    ...(cfg && !account.configured ? { unconfiguredReason: unconfiguredReason(cfg, account.accountId) } : {}),
    ...(account.config.parall_url ? { baseUrl: withoutCredentials(account.config.parall_url) } : {}),
    ...(cfg ? { tokenSource: settingSource(cfg, "api_key", account.accountId) } : {}),
  };
}

/** An address may carry a name and a password; a listing must not. */
function withoutCredentials(address) {
  return address.replace(/^([a-z]+:\/\/)[^/?#]*@/i, "$1");
}

export function buildAccountSnapshot({ account, cfg, runtime, probe }) {
  const values = RUNTIME_KEYS.filter((key) => runtime?.[key] !== undefined).map((key) => [key, runtime[key]]);
  return {
    ...defaultRuntime,
    ...describeAccount(account, cfg),
    ...Object.fromEntries(values),
    ...(probe === undefined ? {} : { probe }),
  };
}

/** Problems of the accounts in words, each with what to do about it. */
export function collectStatusIssues(accounts) {
  return accounts.flatMap((account) => {
    const issue = issueOf(account);
    return issue ? [{ channel: CHANNEL, accountId: account.accountId ?? "default", ...issue }] : [];
  });
}

function issueOf(account) {
  if (account.enabled === false) return undefined;
  if (account.configured === false) {
    return {
      kind: "config",
      message: `The account cannot start: ${account.unconfiguredReason ?? "it lacks its address, key or organisation."}`,
      fix: "set channels.parall.parall_url, api_key and org_id, or PRLL_API_URL, PRLL_API_KEY and PRLL_ORG_ID; of another account below channels.parall.accounts",
    };
  }
  if (account.terminalDisconnect === true) {
    // Newer hosts judge the health themselves and have reported this one already.
    if (account.healthState !== undefined) return undefined;
    return { kind: "auth", message: account.lastError ?? "The account is blocked.", fix: BLOCKED_FIX };
  }
  if (account.running === true && account.connected === false && account.lastError) {
    return {
      kind: "runtime",
      message: `Not connected: ${account.lastError}`,
      fix: "the plugin tries again by itself; check channels.parall.parall_url and the network if it stays so",
    };
  }
  if (account.deadLetters > 0) {
    return {
      kind: "runtime",
      message: `Given up and not answered: ${account.deadLetters} messages or tasks${account.lastDeadLetter ? `; the latest: ${account.lastDeadLetter}` : ""}`,
      fix: "openclaw parall queue list tells why; openclaw parall queue retry or drop decides about each",
    };
  }
  return undefined;
}

/** Asks Parall whether the key works. Never rejects. */
export async function probeAccount({ account, cfg, timeoutMs }) {
  if (!account.configured) return { ok: false, error: unconfiguredReason(cfg, account.accountId) ?? "not configured" };
  let timer;
  const limit = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, error: `no answer within ${timeoutMs} ms` }), timeoutMs);
  });
  try {
    const { probeAccount: probe } = native();
    if (typeof probe !== "function") return { ok: false, error: "this build of the native part cannot probe" };
    return await Promise.race([probe(gatewayOptions(account, { agentId: "main" })), limit]);
  } catch (error) {
    return { ok: false, error: error.message };
  } finally {
    clearTimeout(timer);
  }
}
