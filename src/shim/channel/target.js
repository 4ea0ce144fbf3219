/**
 * Where a message can go: a chat (`cht_...`) or a task (`tsk_...`), bare or behind a prefix. For processes without the native part,
 * which has the same rules; one table of cases tests both.
 */

const SPELLING = /^[ \t\n\f\r]*(?:parall:prll:\/\/|parall:\/\/|parall:|prll:\/\/)?([a-z]+_[a-z0-9_-]+)[ \t\n\f\r]*$/i;
const TARGET = /^(?:cht|tsk)_/;
/** How much of a wrong target an error repeats. */
const SHOWN = 80;
export const TARGET_HINT = "<cht_... | tsk_...>";

/** The bare id with its case kept, or `undefined` when the text names no chat and no task. */
export function normalizeTarget(raw) {
  const id = typeof raw === "string" ? SPELLING.exec(raw)?.[1] : undefined;
  return id !== undefined && TARGET.test(id) ? id : undefined;
}

/** @throws {Error} with a sentence that says what a target looks like */
export function requireTarget(raw) {
  const id = normalizeTarget(raw);
  if (id) return id;
  const shown = JSON.stringify(
    String(raw ?? "")
      .trim()
      .slice(0, SHOWN),
  );
  throw new Error(
    `Parall: ${shown} is no target. Use the id of a chat (cht_...) or of a task (tsk_...), as in the header lines of an event; prll://cht_... and parall:cht_... work too.`,
  );
}
