/** What SessionManager or OpenClaw can have written, in some kinds spelt differently. One function a kind. */

import { respell } from "./spelling.mjs";
import { Transcript } from "./transcript.mjs";

export const valid = {};

valid.linear = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 60));
  return t.textOut();
};
valid.unicode = (R) => {
  const t = new Transcript(R, { unicode: true });
  t.grow(R.range(3, 60));
  return t.textOut();
};
valid.openclaw = (R, _f) => {
  const t = new Transcript(R, { parent: R.chance(0.3) });
  t.modelChange();
  t.thinking();
  t.custom("model-snapshot", { timestamp: t.t, provider: "anthropic", modelApi: "x", modelId: "y" });
  const n = R.range(3, 60);
  while (t.entries.length < n) {
    t.turn();
    if (R.chance(0.5)) t.ocExtra();
  }
  return t.textOut();
};
valid.branches = (R) => {
  const t = new Transcript(R);
  const n = R.range(3, 60);
  while (t.entries.length < n) {
    t.some();
    if (R.chance(0.25)) t.branch(R.pick(t.entries).id);
    if (R.chance(0.08)) t.branchSummary(R.pick(t.entries).id);
  }
  return t.textOut();
};
valid.multiroot = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  t.leaf = null;
  t.grow(t.entries.length + R.range(1, 20));
  return t.textOut();
};
// labels set at the tip (their children then hang off the label entry), cleared, re-set, on and off the final path
valid.labels = (R) => {
  const t = new Transcript(R);
  const n = R.range(3, 60);
  t.turn();
  while (t.entries.length < n) {
    t.some();
    if (R.chance(0.4)) t.label(R.pick(t.entries).id, R.pick(["ckpt", "a", "Ω", "x y", undefined, ""]));
    if (R.chance(0.15)) t.branch(R.pick(t.entries).id);
  }
  if (R.chance(0.3)) t.label(R.pick(t.entries).id, "tail");
  return t.textOut();
};
valid.labels_tail = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(2, 20));
  const k = R.range(1, 5);
  for (let i = 0; i < k; i++) t.label(R.pick(t.entries).id, `l${i}`);
  return t.textOut();
};
valid.compaction = (R) => {
  const t = new Transcript(R);
  const n = R.range(3, 60);
  while (t.entries.length < n) {
    t.grow(t.entries.length + R.range(1, 6));
    const p = t.path();
    t.compaction(R.pick(p).id);
    if (R.chance(0.3)) t.branch(R.pick(t.entries).id);
  }
  t.turn();
  return t.textOut();
};
// what contexts are cut at: several compactions with and without kept entries, branches and their summaries, labels at the boundary
valid.contexts = (R) => {
  const t = new Transcript(R, { unicode: R.chance(0.3) });
  for (let part = R.range(1, 4); part > 0; part--) {
    t.grow(t.entries.length + R.range(1, 8));
    if (R.chance(0.3)) t.label(R.pick(t.path()).id, "mark");
    if (R.chance(0.2)) t.branchSummary(R.pick(t.entries).id);
    if (R.chance(0.2)) t.branch(R.pick(t.entries).id);
    if (R.chance(0.2)) t.user();
    const kept = t.compaction(R.pick(t.path())?.id ?? "nowhere");
    if (R.chance(0.3)) kept.firstKeptEntryId = R.pick([kept.id, "nowhere", R.pick(t.entries).id]);
    if (R.chance(0.3)) t.label(R.pick(t.path()).id, "mark");
    if (R.chance(0.3)) t.compaction(R.pick(t.path()).id);
  }
  if (R.chance(0.7)) t.turn();
  if (R.chance(0.3)) t.user();
  return t.textOut();
};
// the host compacts while a turn runs: what was completed is cut before that
valid.compaction_in_turn = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  t.user();
  const c = t.assistant({ toolCall: true });
  t.toolResult(c);
  t.compaction(R.pick(t.path()).id);
  if (R.chance(0.5)) t.assistant({ toolCall: true });
  return t.textOut();
};
valid.compaction_label = (R) => {
  const t = new Transcript(R);
  t.turn();
  const l = t.label(t.leaf, "keep");
  t.turn();
  t.compaction(R.chance(0.7) ? l.id : R.pick(t.path()).id);
  t.turn();
  if (R.chance(0.5)) {
    const c = t.compaction("x");
    c.firstKeptEntryId = c.id;
  }
  return t.textOut();
};
valid.user_only = (R) => {
  const t = new Transcript(R);
  t.modelChange();
  const n = R.range(1, 4);
  for (let i = 0; i < n; i++) t.user();
  return t.textOut();
};
valid.no_assistant_on_path = (R) => {
  const t = new Transcript(R);
  const u = t.user();
  t.assistant();
  t.branch(u.id);
  t.user();
  if (R.chance(0.5)) t.label(u.id, "x");
  return t.textOut();
};
valid.assistant_only_off_path_label = (R) => {
  const t = new Transcript(R);
  const u = t.user();
  const _a = t.assistant();
  t.label(t.leaf, "off");
  t.branch(u.id);
  t.turn();
  return t.textOut();
};
valid.header_only = (R) => new Transcript(R).textOut();
valid.no_conversation = (R) => {
  const t = new Transcript(R);
  t.modelChange();
  t.thinking();
  t.custom("model-snapshot", { a: 1 });
  return t.textOut();
};
valid.big_lines = (R) => {
  const t = new Transcript(R, { unicode: R.chance(0.5) });
  const n = R.range(2, 5);
  for (let i = 0; i < n; i++) {
    t.user();
    const c = t.assistant({ toolCall: true });
    t.toolResult(c, R.range(20000, 300000));
    t.assistant();
  }
  return t.textOut();
};
valid.v2_hook = (R) => {
  const t = new Transcript(R, { version: 2 });
  const n = R.range(3, 60);
  while (t.entries.length < n) {
    t.turn();
    if (R.chance(0.5))
      t.push({ ...t.base("message"), message: { role: "hookMessage", customType: "h", content: t.txt(), display: true, timestamp: t.t } });
    if (R.chance(0.2)) t.label(R.pick(t.entries).id, "v2");
  }
  return t.textOut();
};
// v1: linear, no id/parentId; compaction uses an index into the file (header counted as 0)
valid.v1 = (R) => {
  const t = new Transcript(R, { version: 1 });
  const n = R.range(3, 60);
  while (t.entries.length < n) {
    t.some();
    if (R.chance(0.15))
      t.push({ ...t.base("compaction"), summary: t.txt(10), firstKeptEntryIndex: R.int(t.entries.length + 3), tokensBefore: 5 });
    if (R.chance(0.1)) t.push({ ...t.base("message"), message: { role: "hookMessage", content: "h", timestamp: t.t } });
  }
  for (const e of t.entries) {
    delete e.id;
    delete e.parentId;
  }
  return t.textOut();
};
valid.v1_with_ids = (R) => {
  const t = new Transcript(R, { version: 1 });
  t.grow(R.range(3, 60));
  return t.textOut();
};
valid.alt_json = (R) => {
  const t = new Transcript(R, { unicode: R.chance(0.5) });
  t.grow(R.range(3, 25));
  return `${[t.header, ...t.entries].map((e) => respell(e, R)).join("\n")}\n`;
};
valid.alt_keys = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 12));
  const L = t.lines();
  const i = R.range(1, L.length - 1);
  L[i] = L[i].replace(/}$/, ',"9":1,"10":2,"1":3,"b":1,"__proto__":{"x":1},"constructor":5,"":0,"b":2}');
  return `${L.join("\n")}\n`;
};
valid.lone_surrogate_escape = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  const i = R.range(1, L.length - 1);
  L[i] = L[i].replace(/}$/, ',"sur":"\\ud800x\\uDFFF \\ud83d\\ude00 \\uD83D\\u0041"}');
  return `${L.join("\n")}\n`;
};
valid.numbers = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  const i = R.range(1, L.length - 1);
  L[i] = L[i].replace(
    /}$/,
    ',"nums":[1.0,-0,0.0,1e5,1E400,-1e400,12345678901234567890,0.1e1,1e-400,5e-324,1.7976931348623157e308,9007199254740993,100000000000000000000000,0.30000000000000004]}',
  );
  return `${L.join("\n")}\n`;
};
valid.crlf = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  return `${t.lines().join("\r\n")}\r\n`;
};
valid.no_final_newline = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  return t.lines().join("\n");
};
valid.blank_lines = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  const o = [];
  if (R.chance(0.5)) o.push("", " \t ");
  for (const l of t.lines()) {
    o.push(l);
    if (R.chance(0.3)) o.push(R.pick(["", " ", "\t", "\r"]));
  }
  return o.join("\n") + R.pick(["\n", "\n\n\n", "\n \n"]);
};
valid.indented = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  return `${t
    .lines()
    .map((l) => R.pick(["", " ", "\t"]) + l + R.pick(["", "  "]))
    .join("\n")}\n`;
};
valid.header_extra = (R) => {
  const t = new Transcript(R, { parent: true });
  t.header.extra = { a: 1 };
  t.header.provider = "anthropic";
  t.grow(R.range(3, 10));
  return t.textOut();
};
valid.header_no_cwd = (R) => {
  const t = new Transcript(R);
  delete t.header.cwd;
  t.grow(R.range(3, 10));
  return t.textOut();
};
valid.header_rel_cwd = (R) => {
  const t = new Transcript(R, { cwd: R.pick(["rel/dir", "~", "~/x", ".", "", "file:///tmp/z", "/a/../b", "/a//b/"]) });
  t.grow(R.range(3, 10));
  return t.textOut();
};
valid.future_version = (R) => {
  const t = new Transcript(R, { version: 4 });
  t.grow(R.range(3, 10));
  return t.textOut();
};
valid.newer_entries = (R) => {
  const t = new Transcript(R);
  t.push({ ...t.base("message"), message: { role: "system", content: "", sections: { a: "b" }, toolsAdded: [], timestamp: t.t } });
  t.turn();
  t.push({ ...t.base("usage"), kind: "cache_warm", provider: "p", model: "m", usage: t.usage() });
  t.push({ ...t.base("context_edit"), targetId: t.entries[1].id, replacement: null });
  t.push({ ...t.base("leaf"), targetId: t.entries[1].id });
  t.push({ ...t.base("totally_unknown"), x: [1] });
  t.turn();
  return t.textOut();
};
