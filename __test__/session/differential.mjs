/** Our fork beside the real one: what differs has to have a reason given here. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const KEY = "agent:main:parall:account";
const REFERENCES = ["id", "parentId", "firstKeptEntryId", "targetId", "fromId"];

const isObject = (value) => value !== null && typeof value === "object";
const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The values of all lines that JSON.parse accepts. */
function parseLines(bytes) {
  const lines = bytes.toString("utf8").trim().split("\n");
  return lines.map(parsed).filter((value) => value !== undefined);
}

/** JSON with sorted keys: equal texts for equal values. */
export function canonical(value) {
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(Object.getOwnPropertyDescriptor(value, key).value)}`).join(",")}}`;
}

/**
 * The source in a form that shows the real code no input on which it throws or never returns.
 *
 * Ours skips a `null` line, on which open() throws, and ends a cycle where it would begin again.
 */
function tamed(bytes, cycleEnd) {
  const lines = bytes.toString("utf8").split("\n");
  const end = cycleEnd === undefined ? -1 : lines.findLastIndex((line) => parsed(line)?.id === cycleEnd);
  return lines
    .map((line, index) => (index === end ? JSON.stringify({ ...parsed(line), parentId: null }) : line))
    .filter((line) => line.trim() !== "null")
    .join("\n");
}

/** Ids that were made by the fork become numbers, in the order in which they appear; times of new labels go. */
function normalised(entries, known) {
  const made = new Map();
  for (const entry of entries) {
    if (isObject(entry) && typeof entry.id === "string" && !known.has(entry.id)) made.set(entry.id, `made-${made.size}`);
  }
  return entries.map((entry) => {
    if (!isObject(entry) || Array.isArray(entry)) return canonical(entry);
    const copy = { ...entry };
    if (copy.type === "label") delete copy.timestamp;
    for (const name of REFERENCES) if (made.has(copy[name])) copy[name] = made.get(copy[name]);
    return canonical(copy);
  });
}

/** The rule of 1.5.2 for a chain in which labels were dropped, applied to what 0.64.0 wrote. */
function rechained(entries, branch) {
  const kept = new Map();
  let pending = [];
  for (const { id, type } of branch) {
    if (type === "label") pending.push(id);
    else {
      for (const label of pending) kept.set(label, id);
      pending = [];
    }
  }
  let previous = null;
  return entries.map((entry) => {
    const copy = { ...entry, parentId: previous };
    if (copy.type === "compaction" && kept.has(copy.firstKeptEntryId)) copy.firstKeptEntryId = kept.get(copy.firstKeptEntryId);
    previous = copy.id;
    return copy;
  });
}

function knownIds(bytes) {
  const objects = parseLines(bytes).filter(isObject);
  return new Set(objects.flatMap((entry) => REFERENCES.map((name) => entry[name])).filter((id) => typeof id === "string"));
}

/** Some id of the transcript, the same every time. */
export function someEntryId(bytes) {
  const ids = parseLines(bytes)
    .slice(1)
    .map((entry) => entry?.id)
    .filter((id) => typeof id === "string" && id !== "");
  return ids[bytes.length % (ids.length || 1)];
}

export class Differential {
  constructor(native, oracle, folder) {
    this.native = native;
    this.oracle = oracle;
    this.folder = folder;
    this.counts = {};
  }

  /** Compares one transcript at one cut. Throws where the two differ without a reason. */
  async compare({ name, kind, bytes }, cut) {
    const file = path.join(this.folder, name);
    writeFileSync(file, kind === "newer_entries" ? withoutLeafLines(bytes) : bytes);
    const source = readFileSync(file);
    const ours = await this.#fork(file, cut);
    assert.equal(digest(readFileSync(file)), digest(source), `${name}: the source was written`);
    const real = await this.#real(name, source, cut);
    const outcome = await this.#judge(source, file, ours, real);
    this.#count(outcome);
    await this.#compareContext(file, cut, ours);
  }

  /**
   * A fork of the context shows the model what the full fork shows it, and takes no more lines. (The thinking level is not
   * compared: hosts set it themselves, and the entry that named it last may be as old as the session.)
   */
  async #compareContext(file, cut, full) {
    const fork = await this.#fork(file, cut, "context");
    if (!full.sessionFile) {
      assert.deepEqual(fork, full, "a context is forked where a full fork is");
      return;
    }
    const [mine, theirs] = [await this.oracle.open(fork.sessionFile), await this.oracle.open(full.sessionFile)];
    assert.equal(mine.shown ?? mine.error, theirs.shown ?? theirs.error, "a fork of the context shows the model something else");
    const count = ({ sessionFile }) => readFileSync(sessionFile, "latin1").split("\n").length;
    assert.ok(count(fork) <= count(full));
    this.#count(count(fork) < count(full) ? "a shorter context" : "the context is everything");
  }

  #count(outcome) {
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
  }

  async #fork(file, cut, history) {
    try {
      const fork = await this.native.forkOrchestratorSession({
        orchestratorSessionKey: KEY,
        accountId: "default",
        transcriptFile: file,
        sessionsDir: this.folder,
        cut,
        history,
        registerEntry: false,
      });
      return fork ?? "nothing";
    } catch (error) {
      return { code: error.code };
    }
  }

  async #real(name, source, cut) {
    const scratch = path.join(this.folder, `tamed-${name}`);
    writeFileSync(scratch, source.includes("null\n") || source.toString().endsWith("null") ? tamed(source) : source);
    let real = await this.oracle.fork(scratch, cut);
    if (real.outcome === "cycle") {
      writeFileSync(scratch, tamed(source, real.root));
      real = { ...(await this.oracle.fork(scratch, cut)), wasCycle: true };
    }
    return real;
  }

  async #judge(source, file, ours, real) {
    if (real.source === "reinitialised") {
      const expected = source.toString("utf8").trim() === "" ? "nothing" : "PARALL_SESSION_NOT_A_TRANSCRIPT";
      assert.equal(ours.code ?? ours, expected, "the real code destroys such a file; ours refuses it");
      return "no transcript";
    }
    if (real.outcome === "throws" && /not found/.test(real.error)) {
      assert.equal(ours.code, "PARALL_SESSION_NO_SUCH_ENTRY");
      return "no such entry";
    }
    if (real.outcome === "nothing") {
      assert.equal(ours.code ?? ours, "nothing");
      return "nothing to fork";
    }
    if (real.outcome === "throws" && ours === "nothing") {
      assert.ok(real.branch.every(({ role }) => role !== "assistant"));
      return "nothing to fork";
    }
    assert.ok(ours.sessionFile, `ours: ${JSON.stringify(ours)}, the real one: ${real.outcome} ${real.error ?? ""}`);
    const written = readFileSync(ours.sessionFile);
    const [header, ...entries] = parseLines(written);
    this.#checkHeader(header, ours, source, file, real);
    if (real.outcome === "throws") {
      assert.match(real.error, /call stack|undefined|null/i, "the only reasons to throw: depth, or a message that is missing");
      const expected = real.branch.filter(({ type }) => type !== "label").map(({ id }) => id);
      assert.deepEqual(
        entries.slice(0, expected.length).map(({ id }) => id),
        expected,
      );
      return "forked where the real code throws";
    }
    return await this.#compareEntries(source, written, entries, ours, real);
  }

  #checkHeader(header, ours, source, file, real) {
    const { cwd } = parseLines(source).find((value) => value !== null);
    const expected = {
      type: "session",
      version: 3,
      id: ours.sessionId,
      timestamp: header.timestamp,
      cwd: cwd ?? real.cwd,
      parentSession: file,
    };
    assert.equal(JSON.stringify(header), JSON.stringify(expected));
    const name = `${header.timestamp.replaceAll(/[:.]/g, "-")}_${header.id}.jsonl`;
    assert.equal(path.basename(ours.sessionFile), name);
  }

  async #compareEntries(source, written, entries, ours, real) {
    const known = knownIds(source);
    const [header, ...others] = real.lines.map((line) => JSON.parse(line));
    const expected = rechained(others, real.branch);
    const isDeep = source.includes("[".repeat(1000));
    if (!isDeep) assert.deepEqual(normalised(entries, known), normalised(expected, known));
    assert.equal(written.at(-1), 10, "the last line ends");
    const chained = path.join(this.folder, "expected.jsonl");
    writeFileSync(chained, [header, ...expected].map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const [mine, theirs] = [await this.oracle.open(ours.sessionFile), await this.oracle.open(chained)];
    assert.equal(mine.context ?? mine.error, theirs.context ?? theirs.error, "the model would see something else");
    if (real.wasCycle) return "forked where the real code never returns";
    return JSON.stringify(others) === JSON.stringify(expected) ? "equal" : "equal with the chain repaired";
  }
}

function withoutLeafLines(bytes) {
  const lines = bytes.toString().split("\n");
  return lines.filter((line) => !line.startsWith('{"type":"leaf"')).join("\n");
}
