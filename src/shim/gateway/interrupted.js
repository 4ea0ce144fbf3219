/**
 * Turns that a crash cut off belong to our journal, which runs them again. The newest hosts recover such turns too: seconds after
 * the start they write a notice into the chat, run the turn and answer past the turn of ours, and they ignore a message whose turn
 * they count as theirs or as over, although nobody got its answer. So their notes about it are removed before ours begins.
 */
import { listAccountIds } from "../channel/account.js";
import { shared } from "../state.js";

/** What a host notes in a session's entry about turns that it would recover, or has finished. */
const NOTES = [
  ...["abortedLastRun", "mainRestartRecovery", "pendingFinalDelivery", "restartRecoveryRuns", "restartRecoveryTerminalRunIds"],
  ...["restartRecoveryTerminalDeliveryEvidence", "restartRecoveryBeforeAgentReplyState", "restartRecoveryHarnessCompletion"],
  ...["restartRecoveryDeliveryRunId", "restartRecoveryDeliverySourceRunId", "restartRecoveryDeliveryContext"],
  ...["restartRecoveryDeliveryReceiptState", "restartRecoveryDeliveryToolCallId", "restartRecoveryDeliveryMediaUrls"],
  ...["restartRecoveryDeliveryRequestFingerprint", "restartRecoverySourceIngress", "restartRecoverySourceReplyDeliveryMode"],
  ...["restartRecoverySameChannelThreadRequired", "restartRecoveryForceSafeTools", "restartRecoverySuppressTextDelivery"],
  ...["restartRecoveryDisableMessageTool", "restartRecoveryRequesterAccountId", "restartRecoveryRequesterSenderId"],
];

/**
 * The sessions of an account in which the host noted something, at the account's first start in a process: later on, a turn may be
 * running there. None on hosts without such notes or without the calls to change them. Never throws.
 *
 * @param {{ ctx: any, runtime: any, channel: any, cfg: any, agentId: string, log: (level: string, message: string) => void }} place
 * @returns {{ sessionKey: string, storePath: string }[]}
 */
export function interruptedSessions({ ctx, runtime, channel, cfg, agentId, log }) {
  const { takenOver } = shared();
  if (takenOver.has(ctx.accountId)) return [];
  takenOver.add(ctx.accountId);
  const session = runtime?.agent?.session;
  const calls = [session?.listSessionEntries, session?.updateSessionStoreEntry, channel?.session?.resolveStorePath];
  if (!calls.every((call) => typeof call === "function")) return [];
  try {
    const storePath = channel.session.resolveStorePath(cfg?.session?.store, { agentId });
    const begin = (accountId) => `agent:${agentId}:parall:${accountId}-`.toLowerCase();
    const ours = begin(ctx.accountId);
    // An id may begin with another one.
    const longer = listAccountIds(cfg)
      .map(begin)
      .filter((other) => other.length > ours.length && other.startsWith(ours));
    return session
      .listSessionEntries({ agentId, storePath })
      .filter(
        ({ sessionKey, entry }) => sessionKey.startsWith(ours) && !longer.some((other) => sessionKey.startsWith(other)) && changes(entry),
      )
      .map(({ sessionKey }) => ({ sessionKey, storePath }));
  } catch (error) {
    log("warn", `the host's notes about interrupted turns could not be read: ${error.message}`);
    return [];
  }
}

/** Removes the host's notes from these sessions. Never rejects. */
export async function takeOver({ runtime, log }, sessions) {
  for (const session of sessions) {
    try {
      await runtime.agent.session.updateSessionStoreEntry({ ...session, update: changes });
    } catch (error) {
      log("warn", `the host's notes about interrupted turns in ${session.sessionKey} could not be removed: ${error.message}`);
    }
  }
}

/** The changes that make an entry one of a session in which nothing runs; `null` when it is. */
function changes(entry) {
  const noted = NOTES.filter((name) => entry[name] !== undefined && entry[name] !== false);
  const isRunning = entry.status === "running";
  if (noted.length === 0 && !isRunning) return null;
  return { ...Object.fromEntries(noted.map((name) => [name, undefined])), ...(isRunning ? { status: "killed" } : {}) };
}
