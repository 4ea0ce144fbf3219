/** Transcripts as the hosts write them. */

import { text } from "./random.mjs";

/** A transcript under construction, as SessionManager and OpenClaw write them. */
export class Transcript {
  constructor(R, o = {}) {
    this.R = R;
    this.unicode = !!o.unicode;
    this.version = o.version ?? 3;
    this.t = Date.UTC(2026, 0, 1) + R.int(2 ** 31);
    this.entries = [];
    this.leaf = null;
    this.ids = new Set();
    this.features = new Set();
    this.header = {
      type: "session",
      ...(this.version === 1 && R.chance(0.7) ? {} : { version: this.version }),
      id: R.uuid(),
      timestamp: this.iso(),
      cwd: o.cwd ?? R.pick(["/home/u/proj", "/root/.openclaw/workspace", "/tmp/空 格/ü", "C:\\Users\\x\\ws", "/a/b/"]),
    };
    if (o.parent) this.header.parentSession = `/home/u/.openclaw/agents/main/sessions/${R.uuid()}.jsonl`;
  }
  tick(max = 5000) {
    this.t += this.R.range(1, max);
    return this.t;
  }
  iso() {
    return new Date(this.tick()).toISOString();
  }
  id() {
    let i;
    do i = this.R.hex(8);
    while (this.ids.has(i));
    this.ids.add(i);
    return i;
  }
  push(e) {
    this.entries.push(e);
    this.leaf = e.id ?? this.leaf;
    return e;
  }
  base(type) {
    return { type, id: this.id(), parentId: this.leaf, timestamp: this.iso() };
  }
  txt(n) {
    return text(this.R, this.unicode, n);
  }
  usage(zero) {
    const R = this.R;
    const i = zero ? 0 : R.int(200000),
      o = zero ? 0 : R.int(8000),
      cr = zero ? 0 : R.int(180000),
      cw = zero ? 0 : R.int(5000);
    const c = (x) => (zero ? 0 : x * R.pick([3e-6, 1.5e-5, 2.5e-7, 1e-9]));
    return {
      input: i,
      output: o,
      cacheRead: cr,
      cacheWrite: cw,
      totalTokens: i + o + cr + cw,
      cost: { input: c(i), output: c(o), cacheRead: c(cr), cacheWrite: c(cw), total: c(i + o) },
    };
  }
  user() {
    const R = this.R;
    return this.push({
      ...this.base("message"),
      message: {
        role: "user",
        content: R.chance(0.2)
          ? this.txt()
          : [
              { type: "text", text: this.txt() },
              ...(R.chance(0.1) ? [{ type: "image", data: R.hex(R.range(8, 400)), mimeType: "image/png" }] : []),
            ],
        timestamp: this.t,
      },
    });
  }
  assistant(o = {}) {
    const R = this.R;
    const tc = o.toolCall
      ? [{ type: "toolCall", id: `toolu_${R.hex(12)}`, name: R.pick(["bash", "read", "edit"]), arguments: this.args() }]
      : [];
    const m = {
      role: "assistant",
      content: [
        ...(R.chance(0.4) ? [{ type: "thinking", thinking: this.txt(), thinkingSignature: R.hex(40) }] : []),
        { type: "text", text: this.txt() },
        ...tc,
      ],
      api: "anthropic-messages",
      provider: R.pick(["anthropic", "openai", "google"]),
      model: R.pick(["claude-opus-4-5", "gpt-5.2", "gemini-3"]),
      usage: this.usage(),
      stopReason: o.toolCall ? "toolUse" : R.pick(["stop", "stop", "length", "error", "aborted"]),
      timestamp: this.tick(),
    };
    if (m.stopReason === "error") m.errorMessage = this.txt(5);
    this.push({ ...this.base("message"), message: m });
    return tc[0];
  }
  args() {
    const R = this.R;
    return R.pick([
      { command: this.txt(8) },
      { path: `/x/${R.hex(4)}`, offset: R.int(100), limit: 2000 },
      { 2: "b", 1: "a", z: null, a: true, nested: { 10: [], "-1": {}, "01": "s" } },
      { n: [0, -1, 1.5, 1e21, 1e-7, 123456789012345680000, 0.1] },
      {},
    ]);
  }
  toolResult(call, big) {
    const R = this.R;
    const body = big ? this.bigText(big) : this.txt(60);
    return this.push({
      ...this.base("message"),
      message: {
        role: "toolResult",
        toolCallId: call?.id ?? "toolu_x",
        toolName: call?.name ?? "bash",
        content: [{ type: "text", text: body }],
        ...(R.chance(0.3) ? { details: { exitCode: R.int(3), truncation: null } } : {}),
        isError: R.chance(0.1),
        timestamp: this.t,
      },
    });
  }
  bigText(n) {
    const R = this.R;
    let s = "";
    while (s.length < n) s += `${text(R, this.unicode, 60)}\n`;
    return s;
  }
  turn(o = {}) {
    this.user();
    let n = this.R.int(3);
    while (n-- > 0) {
      const c = this.assistant({ toolCall: true });
      this.toolResult(c, o.big && this.R.chance(0.3) ? o.big : 0);
    }
    this.assistant();
  }
  modelChange() {
    return this.push({ ...this.base("model_change"), provider: this.R.pick(["anthropic", "openai"]), modelId: this.R.pick(["a", "b"]) });
  }
  thinking() {
    return this.push({ ...this.base("thinking_level_change"), thinkingLevel: this.R.pick(["off", "low", "high", "xhigh"]) });
  }
  custom(type, data) {
    const b = this.base("custom");
    return this.push({ type: "custom", customType: type, data, id: b.id, parentId: b.parentId, timestamp: b.timestamp });
  }
  customMessage() {
    const b = this.base("custom_message");
    return this.push({
      type: "custom_message",
      customType: this.R.pick(["openclaw.sessions_yield", "openclaw.runtime-context", "my-ext"]),
      content: this.txt(),
      display: this.R.chance(0.5),
      ...(this.R.chance(0.5) ? { details: { source: "x" } } : {}),
      id: b.id,
      parentId: b.parentId,
      timestamp: b.timestamp,
    });
  }
  sessionInfo() {
    return this.push({ ...this.base("session_info"), name: this.R.pick(["", "Refactor", this.txt(4)]) });
  }
  bash() {
    return this.push({
      ...this.base("message"),
      message: {
        role: "bashExecution",
        command: "ls",
        output: this.txt(),
        exitCode: 0,
        cancelled: false,
        truncated: false,
        timestamp: this.t,
      },
    });
  }
  label(target, label) {
    this.features.add("label");
    const e = { ...this.base("label"), targetId: target };
    if (label !== undefined) e.label = label;
    return this.push(e);
  }
  compaction(kept) {
    this.features.add("compaction");
    return this.push({
      ...this.base("compaction"),
      summary: this.txt(30),
      firstKeptEntryId: kept,
      tokensBefore: this.R.int(200000),
      ...(this.R.chance(0.5) ? { details: { readFiles: ["a"], modifiedFiles: [] } } : {}),
      ...(this.R.chance(0.3) ? { fromHook: true } : {}),
    });
  }
  branchSummary(from) {
    const prev = this.leaf;
    this.leaf = from;
    this.features.add("branch_summary");
    return this.push({ ...this.base("branch_summary"), fromId: prev ?? "root", summary: this.txt(20) });
  }
  branch(id) {
    this.features.add("branch");
    this.leaf = id;
  }
  path() {
    const by = new Map(this.entries.map((e) => [e.id, e]));
    const p = [];
    let c = by.get(this.leaf);
    while (c) {
      p.unshift(c);
      c = c.parentId ? by.get(c.parentId) : undefined;
    }
    return p;
  }
  // OpenClaw extras
  ocExtra() {
    const R = this.R;
    this.features.add("openclaw");
    switch (R.int(6)) {
      case 0:
        return this.custom("model-snapshot", {
          timestamp: this.t,
          provider: "anthropic",
          modelApi: "anthropic-messages",
          modelId: "claude-opus-4-5",
        });
      case 1:
        return this.custom("openclaw.cache-ttl", { timestamp: this.t, provider: "anthropic", modelId: "claude-opus-4-5" });
      case 2:
        return this.custom("openclaw:prompt-error", {
          timestamp: this.t,
          runId: R.uuid(),
          sessionId: this.header.id,
          provider: "p",
          model: "m",
          api: "a",
          error: this.txt(6),
        });
      case 3:
        return this.custom("google-turn-ordering-bootstrap", { timestamp: this.t });
      case 4:
        return this.push({
          ...this.base("message"),
          message: {
            role: "assistant",
            content: [{ type: "text", text: this.txt() }],
            api: "openai-responses",
            provider: "openclaw",
            model: R.pick(["delivery-mirror", "gateway-injected"]),
            usage: this.usage(true),
            stopReason: "stop",
            timestamp: this.t,
            ...(R.chance(0.5) ? { idempotencyKey: R.hex(16) } : {}),
          },
        });
      default:
        return this.customMessage();
    }
  }
  some() {
    const R = this.R;
    const k = R.int(12);
    if (k < 6) return this.turn();
    if (k === 6) return this.modelChange();
    if (k === 7) return this.thinking();
    if (k === 8) return this.ocExtra();
    if (k === 9) return this.customMessage();
    if (k === 10) return this.sessionInfo();
    return this.bash();
  }
  grow(n) {
    while (this.entries.length < n) this.some();
  }
  lines() {
    return [this.header, ...this.entries].map((e) => JSON.stringify(e));
  }
  textOut() {
    return `${this.lines().join("\n")}\n`;
  }
}
