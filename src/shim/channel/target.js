/** Where a message can go: a chat (`cht_...`) or a task (`tsk_...`), optionally written `prll://...` or `parall:...`. */

const PREFIX = /^(?:prll:\/\/|parall:(?:\/\/)?)/i;
const TARGET = /^(?:cht|tsk)_[\w-]+$/;
export const TARGET_HINT = "<cht_... | tsk_...>";

/** The bare id with its case kept, or `undefined` when the text names no chat and no task. */
export function normalizeTarget(raw) {
  const id = bare(raw);
  return TARGET.test(id) ? id : undefined;
}

/** @throws {Error} with a sentence that says what a target looks like */
export function requireTarget(raw) {
  const id = normalizeTarget(raw);
  if (id) return id;
  throw new Error(
    `Parall: "${String(raw ?? "").trim()}" is no target. Use the id of a chat (cht_...) or of a task (tsk_...), as in the header lines of an event; prll://cht_... and parall:cht_... work too.`,
  );
}

const bare = (raw) => (typeof raw === "string" ? raw.trim().replace(PREFIX, "") : "");
