/** The agent's tools. What they do is in the native part; here is what the host and the model need to know of them. */
import { CHANNEL, resolveAccount } from "../channel/account.js";
import { readConfig } from "../host.js";
import { shared } from "../state.js";
import { parallRead } from "./read.js";
import { parallSend } from "./send.js";
import { parallTask } from "./task.js";
import { parallWiki } from "./wiki.js";

const TOOLS = [parallRead, parallSend, parallTask, parallWiki];

/** Value of `channels.parall.tools` that offers the tools in sessions of other channels, too. */
const EVERYWHERE = "everywhere";

/**
 * Offers the tools to the host. Nothing native is loaded before the first call.
 *
 * @param {any} api the host's object of one registration
 */
export function registerTools(api) {
  for (const tool of TOOLS) {
    api.registerTool?.((context) => (isOffered(context, api.config) ? toolFor(context ?? {}, tool, api.config) : null), {
      name: tool.name,
    });
  }
}

/**
 * Only the agent's own key decides what a tool may do, so people of other channels do not get at it unless the operator says so.
 * Sessions without a channel are the operator's own.
 */
function isOffered(context, fallback) {
  const cfg = configOf(context, fallback);
  const { config, enabled, configured } = resolveAccount(cfg, context?.agentAccountId ?? undefined);
  if (!enabled || !configured || config.tools === false) return false;
  const channel = context?.messageChannel;
  return channel === undefined || channel === null || channel === "" || channel === CHANNEL || config.tools === EVERYWHERE;
}

function toolFor(context, { name, label, description, parameters }, fallback) {
  return {
    name,
    label,
    description,
    parameters,
    // Newer hosts hide other tools behind a search.
    catalogMode: "direct-only",
    execute: async (_callId, params, signal) => {
      signal?.throwIfAborted?.();
      const { callTool } = await import("./call.js");
      const text = await callTool(context, configOf(context, fallback), name, params ?? {});
      return { content: [{ type: "text", text }], details: { result: { characters: text.length } } };
    },
  };
}

function configOf(context, fallback) {
  return context?.getRuntimeConfig?.() ?? context?.runtimeConfig ?? context?.config ?? readConfig(shared().runtime, fallback);
}
