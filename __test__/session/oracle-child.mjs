/** Runs the real SessionManager of 2026.4.2 hosts on a scratch copy of a transcript. A child, because it can loop for ever. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SessionManager } from "../../node_modules/@mariozechner/pi-coding-agent/dist/core/session-manager.js";

const isNote = ({ provider, model }) => provider === "openclaw" && ["delivery-mirror", "gateway-injected"].includes(model);
const UNFINISHED = ["toolUse", "error", "aborted"];
const isCompleted = ({ type, message }) =>
  type === "message" && message?.role === "assistant" && !UNFINISHED.includes(message.stopReason) && !isNote(message);

/** The path to an entry, walked here because the real walk never ends on a cycle. */
function walk(manager, leaf) {
  const found = [];
  for (
    let entry = leaf ? manager.getEntry(leaf) : undefined;
    entry;
    entry = entry.parentId ? manager.getEntry(entry.parentId) : undefined
  ) {
    if (found.includes(entry)) return { found: found.reverse(), isCycle: true };
    found.push(entry);
  }
  return { found: found.reverse(), isCycle: false };
}

function whatBecameOfTheSource(manager, before, after) {
  if (after.equals(before)) return "unchanged";
  return manager.getEntries().length === 0 && after.toString().trim().split("\n").length === 1 ? "reinitialised" : "rewritten";
}

function context(manager) {
  const { messages, thinkingLevel, model } = manager.buildSessionContext();
  return JSON.stringify({ messages, thinkingLevel, model });
}

/**
 * Where a path ends with its last completed turn: at the answer, or at a compaction that follows before anything else is said.
 * Undefined without an answer.
 */
function lastCompleted(path) {
  const answer = path.findLastIndex(isCompleted);
  if (answer < 0) return undefined;
  const talk = path.findIndex(({ type }, place) => place > answer && type === "message");
  const between = path.slice(answer + 1, talk < 0 ? path.length : talk);
  return (between.findLast(({ type }) => type === "compaction") ?? path[answer]).id;
}

/** Opens, cuts and forks. `cut` is "leaf", "last-completed" or `{ entryId }`. */
function fork(folder, file, cut) {
  const source = path.join(folder, path.basename(file));
  copyFileSync(file, source);
  const before = readFileSync(source);
  const manager = SessionManager.open(source);
  const result = { source: whatBecameOfTheSource(manager, before, readFileSync(source)), cwd: process.cwd() };
  let leaf = cut.entryId ?? manager.getLeafId();
  const active = walk(manager, leaf);
  if (cut === "last-completed") leaf = lastCompleted(active.found);
  if (active.isCycle) return { ...result, outcome: "cycle", root: active.found[0].id };
  const { found } = walk(manager, leaf);
  const branch = found.map(({ id, type, message }) => ({ id, type, role: message?.role }));
  if (!leaf) return { ...result, outcome: "nothing", branch };
  const names = new Set(readdirSync(folder));
  try {
    const made = manager.createBranchedSession(leaf);
    if (!existsSync(made)) return { ...result, outcome: "nothing", branch };
    return { ...result, outcome: "forked", branch, lines: readFileSync(made, "utf8").trimEnd().split("\n") };
  } catch (error) {
    const leftBehind = readdirSync(folder).filter((name) => !names.has(name));
    return { ...result, outcome: "throws", branch, error: String(error.message), leftBehind };
  }
}

/** What a session that begins with this file shows its model. */
function open(folder, file) {
  const copy = path.join(folder, "opened.jsonl");
  copyFileSync(file, copy);
  const manager = SessionManager.open(copy);
  const { messages, model } = manager.buildSessionContext();
  return { context: context(manager), shown: JSON.stringify({ messages, model }), leaf: manager.getLeafId() };
}

process.on("message", ({ file, cut }) => {
  const folder = mkdtempSync(path.join(tmpdir(), "parall-oracle-"));
  let answer;
  try {
    answer = cut ? fork(folder, file, cut) : open(folder, file);
  } catch (error) {
    answer = { outcome: "open-throws", error: String(error.message) };
  }
  rmSync(folder, { recursive: true, force: true });
  process.send(answer);
});
