/**
 * The one place that asks what this host can do. Features are tested, versions never: names come and go between releases.
 */

/**
 * The configuration as it is now. Older hosts offer `loadConfig`, newer ones `current`.
 *
 * @param {any} runtime the host's `api.runtime`
 * @param {any} fallback configuration the host handed over earlier
 */
export function readConfig(runtime, fallback) {
  const config = runtime?.config;
  try {
    return config?.current?.() ?? config?.loadConfig?.() ?? fallback;
  } catch {
    return fallback;
  }
}

/** The host's channel functions: per account where the host offers that, else those of the plugin. */
export function channelRuntime(ctx, runtime) {
  return ctx.channelRuntime ?? runtime?.channel;
}

/** The agent that answers for an account. */
export function resolveAgentId(channel, cfg, accountId) {
  try {
    return channel?.routing?.resolveAgentRoute?.({ cfg, channel: "parall", accountId })?.agentId || "main";
  } catch {
    return "main";
  }
}

/** The folder in which the host keeps its state, or `undefined` when it does not say. */
export function resolveStateDir(runtime) {
  try {
    return runtime?.state?.resolveStateDir?.() || undefined;
  } catch {
    return undefined;
  }
}

/** The folder in which an agent works, or `undefined` when the host does not say. */
export function resolveWorkspaceDir(runtime, cfg, agentId) {
  const configured = cfg?.agents?.defaults?.workspace;
  try {
    return runtime?.agent?.resolveAgentWorkspaceDir?.(cfg, agentId) || configured;
  } catch {
    return configured;
  }
}

/** The functions of the inbound path, or a sentence that names what is missing. */
export function inboundPath(channel) {
  const path = {
    finalize: channel?.reply?.finalizeInboundContext,
    dispatch: channel?.reply?.dispatchReplyWithBufferedBlockDispatcher,
    storePath: channel?.session?.resolveStorePath,
    record: channel?.session?.recordInboundSession,
  };
  const missing = ["finalize", "dispatch"].filter((name) => typeof path[name] !== "function");
  if (missing.length > 0) throw new Error(`this OpenClaw offers no way to ${missing.join(" or ")} an inbound message`);
  return path;
}

/**
 * Listens to what happens in agent runs.
 *
 * @param {any} runtime the host's `api.runtime`
 * @param {(event: any) => void} listener
 * @returns {() => void} ends it
 */
export function onAgentEvent(runtime, listener) {
  try {
    const end = runtime?.events?.onAgentEvent?.((event) => listener(event ?? {}));
    return typeof end === "function" ? end : () => {};
  } catch {
    return () => {};
  }
}
