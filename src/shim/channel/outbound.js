/** Messages the host sends by itself: `openclaw message send`, the agent's `message` tool, answers that come after their turn. */

import { currentTurn } from "../gateway/runs.js";
import { resolveWorkspaceDir } from "../host.js";
import { native } from "../native.js";
import { shared } from "../state.js";
import { CHANNEL, defaultAccountId, resolveAccount, unconfiguredReason } from "./account.js";
import { mediaFolders, usualFolders } from "./media-folders.js";
import { messageIdOf } from "./message-sid.js";
import { gatewayOptions } from "./options.js";
import { requireTarget } from "./target.js";

/**
 * In the gateway process the account's own connection sends, so that the delivery is known there. A command-line process has no
 * connection and sends once, from the configuration alone.
 *
 * @returns {Promise<{ channel: string, messageId: string }>}
 */
export const sendText = (request) => send("sendText", request, request.text);

/**
 * A text with a file from the folders that the host names. A host tries a failed delivery again, for ever in some releases, unless the
 * error says in words that all of them know that the recipient is at fault.
 *
 * @returns {Promise<{ channel: string, messageId: string }>}
 */
export async function sendMedia(request) {
  const { text, mediaUrl } = request;
  try {
    return await send("sendMedia", request, { text: text ?? "", media: mediaUrl ? [mediaUrl] : [], folders: foldersOf(request) });
  } catch (error) {
    if (error.code !== "PARALL_FILE") throw error;
    throw Object.assign(new Error(`Parall: ${error.message}; the recipient is not a valid one for it`), { code: error.code });
  }
}

/** From where a send may take files, the workspace first. In a gateway it is an agent that sends. */
function foldersOf({ cfg, accountId, mediaAccess, mediaLocalRoots }) {
  const { runtime, accounts } = shared();
  const workspace = mediaAccess?.workspaceDir ?? resolveWorkspaceDir(runtime, cfg, "main");
  if (!Array.isArray(mediaLocalRoots)) return mediaFolders(runtime, workspace);
  const isGateway = accounts.has(accountId ?? defaultAccountId(cfg));
  const named = isGateway ? usualFolders(runtime, workspace, mediaLocalRoots) : mediaLocalRoots;
  return [...new Set([workspace, ...named])].filter(Boolean);
}

/** Sends by the call of this name, which a gateway and the native part both have. */
async function send(call, { cfg, to, accountId, threadId, replyToId }, content) {
  const target = requireTarget(to);
  const thread = threadOf(threadId) ?? threadOf(replyToId);
  const running = shared().accounts.get(accountId ?? defaultAccountId(cfg));
  const messageId = running
    ? await running.gateway[call](target, content, thread, currentTurn())
    : await native()[call](optionsFor(cfg, accountId), target, content, thread);
  return { channel: CHANNEL, messageId };
}

function optionsFor(cfg, accountId) {
  const account = resolveAccount(cfg, accountId);
  if (!account.enabled) throw new Error(`Parall: the account "${account.accountId}" is disabled or does not exist`);
  if (!account.configured) throw new Error(`Parall: ${unconfiguredReason(cfg, account.accountId)}`);
  return gatewayOptions(account, { agentId: "main" });
}

const threadOf = (value) => (typeof value === "string" && value.trim() !== "" ? messageIdOf(value.trim()) : null);
