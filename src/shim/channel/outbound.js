/** Messages the host sends by itself: `openclaw message send`, the agent's `message` tool, answers that come after their turn. */

import { currentTurn } from "../gateway/runs.js";
import { native } from "../native.js";
import { shared } from "../state.js";
import { CHANNEL, defaultAccountId, resolveAccount, unconfiguredReason } from "./account.js";
import { messageIdOf } from "./message-sid.js";
import { gatewayOptions } from "./options.js";
import { requireTarget } from "./target.js";

/**
 * In the gateway process the account's own connection sends, so that the delivery is known there. A command-line process has no
 * connection and sends once, from the configuration alone.
 *
 * @returns {Promise<{ channel: string, messageId: string }>}
 */
export async function sendText({ cfg, to, text, accountId, threadId, replyToId }) {
  const target = requireTarget(to);
  const thread = threadOf(threadId) ?? threadOf(replyToId);
  const running = shared().accounts.get(accountId ?? defaultAccountId(cfg));
  const messageId = running
    ? await running.gateway.sendText(target, text, thread, currentTurn())
    : await native().sendText(optionsFor(cfg, accountId), target, text, thread);
  return { channel: CHANNEL, messageId };
}

/**
 * Files cannot be sent yet. A host without this function drops them and reports success. It tries a failed delivery again, for
 * ever in some releases, unless the error says in words that all of them know that the recipient is at fault.
 */
export async function sendMedia() {
  throw new Error("Parall: nothing was sent: this channel cannot send files yet, so the recipient is not a valid one for a file");
}

function optionsFor(cfg, accountId) {
  const account = resolveAccount(cfg, accountId);
  if (!account.enabled) throw new Error(`Parall: the account "${account.accountId}" is disabled or does not exist`);
  if (!account.configured) throw new Error(`Parall: ${unconfiguredReason(cfg, account.accountId)}`);
  return gatewayOptions(account, { agentId: "main" });
}

const threadOf = (value) => (typeof value === "string" && value.trim() !== "" ? messageIdOf(value.trim()) : null);
