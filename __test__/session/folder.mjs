/** A sessions folder with an orchestrator session, for tests. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { native as load } from "../../src/shim/native.js";
import { requireFreshAddon } from "../addon.mjs";

export const KEY = "agent:main:parall:account";
export const ACCOUNT = "default";

requireFreshAddon();

export const native = load();

/** A conversation of `turns` turns, each line about `length` bytes long. */
export function conversation(turns, length = 100) {
  const lines = [{ type: "session", version: 3, id: "parent", timestamp: "2026-01-01T00:00:00.000Z", cwd: "/work" }];
  let parentId = null;
  const add = (id, message) => {
    lines.push({ type: "message", id, parentId, timestamp: "2026-01-01T00:00:00.000Z", message });
    parentId = id;
  };
  for (let turn = 0; turn < turns; turn++) {
    add(`u${turn}`, { role: "user", content: `question ${turn} ${"é\n".repeat(length / 4)}` });
    add(`a${turn}`, { role: "assistant", content: [{ type: "text", text: `answer ${turn}` }], stopReason: "stop" });
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

export class SessionsFolder {
  constructor({ root = mkdtempSync(path.join(tmpdir(), "parall-sessions-")), turns = 3, length = 100 } = {}) {
    this.root = root;
    this.store = path.join(root, "sessions.json");
    this.transcript = path.join(root, "parent.jsonl");
    this.bystander = { sessionId: "other", n: 1.5, text: "é\ud800" };
    writeFileSync(this.transcript, conversation(turns, length));
    const entries = { [KEY]: { sessionId: "parent", sessionFile: this.transcript }, "agent:main:other": this.bystander };
    writeFileSync(this.store, JSON.stringify(entries, null, 2));
  }

  entries() {
    return JSON.parse(readFileSync(this.store, "utf8"));
  }

  fork(options = {}) {
    return native.forkOrchestratorSession({
      orchestratorSessionKey: KEY,
      accountId: ACCOUNT,
      transcriptFile: this.transcript,
      sessionsDir: this.root,
      ...options,
    });
  }

  cleanUp({ sessionKey, sessionFile }, options = {}) {
    return native.cleanupForkSession({ sessionKey, sessionFile, sessionsDir: this.root, ...options });
  }

  leftovers() {
    return { orchestratorSessionKey: KEY, accountId: ACCOUNT, sessionsDir: this.root };
  }

  dispose() {
    rmSync(this.root, { recursive: true, force: true });
  }
}
