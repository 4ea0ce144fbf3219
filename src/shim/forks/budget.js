/** Whether a history still fits into the model that will read it. */

/** Part of a model's context that a history may fill. The rest is for the system prompt's growth, the question and the answer. */
const SHARE = 0.9;

/**
 * @param {{ cfg: any, agentId: string, entry: any }} place `entry` is the parent's entry in the session store
 * @returns {number | undefined} tokens a fork's history may have; `undefined` when nobody says how much the model takes
 */
export function contextBudget({ cfg, agentId, entry }) {
  const window = positive(entry?.contextTokens) ?? configuredWindow(cfg, agentId, entry);
  const cap = positive(cfg?.agents?.defaults?.contextTokens);
  const tokens = Math.min(window ?? Number.POSITIVE_INFINITY, cap ?? Number.POSITIVE_INFINITY);
  return Number.isFinite(tokens) ? Math.floor(tokens * SHARE) : undefined;
}

/** The context window of the session's model as the configuration describes it. Models of the host's own catalogue are elsewhere. */
function configuredWindow(cfg, agentId, entry) {
  const [provider, id] = modelOf(cfg, agentId, entry);
  const model = cfg?.models?.providers?.[provider]?.models?.find?.((one) => one?.id === id);
  return positive(model?.contextTokens) ?? positive(model?.contextWindow);
}

function modelOf(cfg, agentId, entry) {
  if (entry?.modelProvider && entry?.model) return [entry.modelProvider, entry.model];
  const agent = cfg?.agents?.list?.find?.((one) => one?.id === agentId);
  const model = agent?.model ?? cfg?.agents?.defaults?.model;
  const name = String(model?.primary ?? model ?? "");
  const slash = name.indexOf("/");
  return slash < 0 ? [] : [name.slice(0, slash), name.slice(slash + 1)];
}

const positive = (value) => (Number.isFinite(value) && value > 0 ? value : undefined);
