/**
 * What a fork inherits from a transcript that the host hands over as events. Pure: events in, messages out.
 *
 * A transcript is a tree: every entry names its parent, and the last one that moves the active end says which path counts. The
 * host writes a running turn as it happens, so the path is cut at the last answer that ended a turn.
 */

/** Entries that move the active end of a transcript. Others, of the host or of plugins, only hang on it. */
const MOVING = new Set([
  ...["message", "thinking_level_change", "model_change", "compaction", "reset", "branch_summary"],
  ...["custom", "custom_message", "label", "session_info"],
]);
/** Why the model stopped when its turn goes on: a tool is to run, or the host asks once more after a failure. */
const UNFINISHED = new Set(["toolUse", "error", "aborted"]);
/** Notes that the host writes in the name of the model, also in the middle of a turn. */
const NOTES = new Set(["delivery-mirror", "gateway-injected"]);
/** Characters that usually make a token. */
const CHARACTERS_A_TOKEN = 4;

/**
 * @param {any[]} events a whole transcript in its order
 * @returns {{ messages: any[], tokens: number, lastEntryId: string } | undefined} what the model would see at the cut, an estimate
 *   of its size and the entry cut at; `undefined` without a completed turn
 */
export function selectHistory(events) {
  const path = activePath(events);
  const last = path.findLastIndex(isCompleted);
  if (last < 0) return undefined;
  const messages = contextOf(path.slice(0, last + 1));
  return { messages, tokens: estimateTokens(messages), lastEntryId: path[last].id };
}

/** The entries from the root to the active end. A cycle makes the transcript unusable: the path is empty then. */
function activePath(events) {
  const { parents, entries, leaf } = readTree(events);
  const path = [];
  const seen = new Set();
  for (let id = leaf; id !== null && entries.has(id); id = parents.get(id)) {
    if (seen.has(id)) return [];
    seen.add(id);
    if (entries.get(id).type !== "leaf") path.push(entries.get(id));
  }
  return path.reverse();
}

function readTree(events) {
  const entries = new Map();
  const parents = new Map();
  let leaf = null;
  for (const entry of events) {
    if (typeof entry?.id !== "string" || entry.id === "" || entry.type === "session") continue;
    if (entry.type === "leaf") {
      const target = entry.targetId ?? null;
      if (target !== null && !entries.has(target)) continue;
      leaf = target;
      parents.set(entry.id, target);
    } else {
      parents.set(entry.id, parentOf(entry, entries, leaf));
      if (MOVING.has(entry.type) && entry.appendMode !== "side") leaf = entry.id;
    }
    entries.set(entry.id, entry);
  }
  return { entries, parents, leaf };
}

/** Without a parent that exists, an entry follows the active end, as the host reads it. */
function parentOf(entry, entries, leaf) {
  if (entry.parentId === null) return null;
  return entries.has(entry.parentId) ? entry.parentId : leaf;
}

function isCompleted({ type, message }) {
  if (type !== "message" || message?.role !== "assistant" || UNFINISHED.has(message.stopReason)) return false;
  return !(message.provider === "openclaw" && NOTES.has(message.model));
}

/** The messages of a path, with what came before its last compaction or reset replaced as the host does it. */
function contextOf(path) {
  const at = path.findLastIndex(({ type }) => type === "compaction" || type === "reset");
  if (at < 0) return path.flatMap(messageOf);
  const boundary = path[at];
  const first = path.findIndex(({ id }) => id === boundary.firstKeptEntryId);
  const kept = first < 0 ? [] : path.slice(first, at);
  const before = boundary.type === "reset" ? kept.filter(isPlainTalk) : kept;
  return [...messageOf(boundary), ...before.flatMap(messageOf), ...path.slice(at + 1).flatMap(messageOf)];
}

/** What survives a reset: what people and the model said, without calls whose results are not carried along. */
function isPlainTalk({ message }) {
  return message?.role === "user" || (message?.role === "assistant" && !UNFINISHED.has(message.stopReason));
}

function messageOf(entry) {
  const { type, message, summary } = entry;
  if (type === "message") return message && message.excludeFromContext !== true ? [message] : [];
  if (type === "custom_message") return [customMessage(entry)];
  if (type === "compaction" && summary) return [summaryMessage("The earlier part of this conversation, summarised", entry)];
  if (type === "branch_summary" && summary) return [summaryMessage("A side branch of this conversation, summarised", entry)];
  return [];
}

function customMessage({ customType, content, display, details, timestamp }) {
  return { role: "custom", customType, content, display, details, timestamp: Date.parse(timestamp) || 0 };
}

/** A fork can only be given messages, so a summary comes as the first thing said. */
function summaryMessage(title, { summary, timestamp }) {
  return { role: "user", content: `${title}:\n\n<summary>\n${summary}\n</summary>`, timestamp: Date.parse(timestamp) || 0 };
}

/** Tokens as the model counted them for its last answer, and an estimate for what follows that; or an estimate for everything. */
function estimateTokens(messages) {
  const counted = messages.findLastIndex(({ role, usage }) => role === "assistant" && contextTokens(usage) > 0);
  const rest = counted < 0 ? messages : messages.slice(counted + 1);
  const known = counted < 0 ? 0 : contextTokens(messages[counted].usage);
  return known + Math.ceil(rest.reduce((sum, message) => sum + textLength(message.content), 0) / CHARACTERS_A_TOKEN);
}

function contextTokens(usage) {
  const parts = [usage?.input, usage?.cacheRead, usage?.cacheWrite, usage?.output];
  return parts.reduce((sum, part) => sum + (Number.isFinite(part) ? part : 0), 0);
}

/** Characters of text. Pictures are counted by no rule that holds for every model; they are left out. */
function textLength(content) {
  if (typeof content === "string") return content.length;
  if (!Array.isArray(content)) return 0;
  return content.reduce((sum, part) => sum + (part?.text ?? part?.thinking ?? "").length + argumentsLength(part), 0);
}

const argumentsLength = (part) => (part?.type === "toolCall" ? JSON.stringify(part.arguments ?? {}).length : 0);
