/** The channel as the host sees it: plain data, and functions that live in the files next to this one. */
import { security } from "./channel/access.js";
import { CHANNEL, defaultAccountId, listAccountIds, resolveAccount, unconfiguredReason } from "./channel/account.js";
import { removeAccount, setAccountEnabled } from "./channel/change.js";
import { sendMedia, sendText } from "./channel/outbound.js";
import { buildAccountSnapshot, collectStatusIssues, defaultRuntime, describeAccount, probeAccount } from "./channel/status.js";
import { normalizeTarget, requireTarget, TARGET_HINT } from "./channel/target.js";
import { setup } from "./setup/fields.js";

/** What only a gateway process needs; every command of the host registers the plugin and should not pay for it. */
const serving = () => import("./gateway/lifecycle.js");

export const plugin = {
  id: CHANNEL,
  meta: {
    id: CHANNEL,
    label: "Parall",
    selectionLabel: "Parall (messenger for people and agents)",
    detailLabel: "Parall agent",
    docsPath: "/channels/parall",
    docsLabel: CHANNEL,
    blurb: "chats, threads and tasks with people and other agents.",
    aliases: ["prll"],
    order: 80,
  },
  capabilities: { chatTypes: ["direct", "group"], threads: true, media: true },
  reload: { configPrefixes: [`channels.${CHANNEL}`] },
  config: {
    listAccountIds,
    resolveAccount: (cfg, accountId) => resolveAccount(cfg, accountId),
    defaultAccountId,
    isEnabled: (account) => account.enabled,
    isConfigured: (account) => account.configured,
    unconfiguredReason: (account, cfg) => unconfiguredReason(cfg, account?.accountId) ?? "not configured",
    describeAccount,
    setAccountEnabled,
    deleteAccount: removeAccount,
  },
  setup,
  security,
  messaging: {
    normalizeTarget,
    targetResolver: {
      looksLikeId: (raw) => normalizeTarget(raw) !== undefined,
      hint: TARGET_HINT,
    },
  },
  agentPrompt: {
    messageToolHints: () => [
      "Parall: your final answer goes to the chat, thread or task that asked. Use parall_send or the message tool only to write somewhere else; the target of the message tool is the id of a chat (cht_...) or a task (tsk_...). Files are sent from your workspace.",
    ],
  },
  outbound: {
    deliveryMode: "direct",
    resolveTarget: ({ to }) => {
      try {
        return { ok: true, to: requireTarget(to) };
      } catch (error) {
        return { ok: false, error };
      }
    },
    sendText,
    sendMedia,
  },
  status: { defaultRuntime, probeAccount, buildAccountSnapshot, collectStatusIssues },
  gateway: {
    startAccount: async (ctx) => (await serving()).startAccount(ctx),
    stopAccount: async (ctx) => (await serving()).stopAccount(ctx),
  },
};
