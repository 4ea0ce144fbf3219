/**
 * Turns that a crash cut off belong to our journal, which runs them again. The newest hosts recover such turns too: seconds after
 * the start they write a notice into the chat, run the turn and answer past the turn of ours, and they ignore a message whose turn
 * they count as theirs or as over, although nobody got its answer. So their notes about it are removed before ours begins.
 */
import { shared } from "./state.js";

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
 * Takes the account's sessions over, at its first start in a process: later on, a turn in them may be running. Does nothing on
 * hosts without such notes or without the calls to change them. Never rejects.
 *
 * @param {{ runtime: any, channel: any, cfg: any, agentId: string, accountId: string, log: (level: string, message: string) => void }} place
 */
export async function takeOverInterrupted({ runtime, channel, cfg, agentId, accountId, log }) {
  const { takenOver } = shared();
  if (takenOver.has(accountId)) return;
  takenOver.add(accountId);
  const { listSessionEntries, updateSessionStoreEntry } = runtime?.agent?.session ?? {};
  const resolveStorePath = channel?.session?.resolveStorePath;
  if (![listSessionEntries, updateSessionStoreEntry, resolveStorePath].every((call) => typeof call === "function")) return;
  try {
    const storePath = resolveStorePath(cfg?.session?.store, { agentId });
    const ours = `agent:${agentId}:parall:${accountId}-`.toLowerCase();
    for (const { sessionKey, entry } of listSessionEntries({ agentId, storePath })) {
      if (!sessionKey.startsWith(ours) || !forgotten(entry)) continue;
      await updateSessionStoreEntry({ sessionKey, storePath, update: forgotten });
    }
  } catch (error) {
    log("warn", `the host's notes about interrupted turns could not be removed: ${error.message}`);
  }
}

/** The changes that make an entry one of a session in which nothing runs; `null` when it is. */
function forgotten(entry) {
  const noted = NOTES.filter((name) => entry[name] !== undefined && entry[name] !== false);
  const isRunning = entry.status === "running";
  if (noted.length === 0 && !isRunning) return null;
  return { ...Object.fromEntries(noted.map((name) => [name, undefined])), ...(isRunning ? { status: "killed" } : {}) };
}
