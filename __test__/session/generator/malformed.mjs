/** Damaged and hostile transcripts. One function a kind. */

import { text } from "./random.mjs";
import { Transcript } from "./transcript.mjs";

export const malformed = {};

malformed.empty = () => "";
malformed.whitespace = (R) => R.pick(["\n", " \n\t\n", "\r\n\r\n", "\ufeff", "\u2028\n"]);
malformed.garbage = (R) => {
  let s = "";
  for (let i = 0; i < R.range(1, 6); i++) s += `${text(R, true, 20).replaceAll("\n", " ")}\n`;
  return s;
};
malformed.no_header = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  return `${t.lines().slice(1).join("\n")}\n`;
};
malformed.header_not_first = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  const h = L.shift();
  L.splice(R.range(1, L.length), 0, h);
  return `${L.join("\n")}\n`;
};
malformed.garbage_before_header = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  return R.pick(["{bad\n", "xx\n\n", '{"type":"session"\n']) + t.textOut();
};
malformed.header_bad_id = (R) => {
  const t = new Transcript(R);
  t.header.id = R.pick([5, null, undefined, {}, ""]);
  t.grow(R.range(3, 10));
  return t.textOut();
};
malformed.header_bad_version = (R) => {
  const t = new Transcript(R);
  t.header.version = R.pick(["3", "2", null, 0, -1, 2.5, "x", true, [3]]);
  t.grow(R.range(3, 10));
  return t.textOut();
};
malformed.header_bad_cwd = (R) => {
  const t = new Transcript(R);
  t.header.cwd = R.pick([5, null, {}, [], true]);
  t.grow(R.range(3, 10));
  return t.textOut();
};
malformed.two_headers = (R) => {
  const a = new Transcript(R),
    b = new Transcript(R);
  a.grow(R.range(3, 10));
  b.grow(R.range(3, 10));
  return a.textOut() + b.textOut();
};
malformed.two_headers_mixed_version = (R) => {
  const a = new Transcript(R, { version: R.pick([1, 2, 3]) }),
    b = new Transcript(R, { version: R.pick([1, 2, 3]) });
  a.grow(R.range(3, 10));
  b.grow(R.range(3, 10));
  return a.textOut() + b.textOut();
};
malformed.truncated_tail = (R) => {
  const t = new Transcript(R, { unicode: R.chance(0.5) });
  t.grow(R.range(3, 20));
  const b = Buffer.from(t.textOut());
  const lastNl = b.lastIndexOf(10, b.length - 2);
  return b.subarray(0, R.range(lastNl + 2, b.length - 2));
};
malformed.truncated_head = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  return Buffer.from(t.textOut()).subarray(R.range(1, 200));
};
malformed.bad_lines = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  const o = [];
  for (const l of t.lines()) {
    o.push(l);
    if (R.chance(0.3))
      o.push(R.pick(["{", "nul", '{"type":}', "undefined", "NaN", "'x'", l.slice(0, R.int(l.length)), l + l, '{"a":1,}', `\u00a0${l}`]));
  }
  return `${o.join("\n")}\n`;
};
malformed.mid_corrupt = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  const b = Buffer.from(t.textOut());
  for (let i = 0; i < R.range(1, 6); i++) b[R.int(b.length)] = R.int(256);
  return b;
};
malformed.nul_bytes = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  return Buffer.concat([Buffer.from(`${L.join("\n")}\n`), Buffer.alloc(R.range(1, 4096)), Buffer.from(R.chance(0.5) ? "\n" : "")]);
};
malformed.scalar_lines = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  const n = R.range(1, 4);
  for (let i = 0; i < n; i++) L.splice(R.range(1, L.length), 0, R.pick(["5", "0", '"str"', '""', "true", "false", "[]", "[1,2]", "{}"]));
  return `${L.join("\n")}\n`;
};
malformed.null_line = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const L = t.lines();
  L.splice(R.range(0, L.length), 0, "null");
  return `${L.join("\n")}\n`;
};
malformed.bom = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  return `\ufeff${t.textOut()}`;
};
malformed.utf16 = (R) => {
  const t = new Transcript(R);
  t.grow(3);
  return Buffer.from(`\ufeff${t.textOut()}`, "utf16le");
};
malformed.invalid_utf8 = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 12));
  const L = t.lines().map((l) => Buffer.from(l));
  const bad = R.pick([
    [0xff],
    [0xc3],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x9f],
    [0xc0, 0xaf],
    [0xf5, 0x80, 0x80, 0x80],
    [0xe2, 0x28, 0xa1],
    [0x80, 0x80],
  ]);
  const i = R.range(1, L.length - 1);
  const s = L[i].toString("latin1");
  const at = s.indexOf('"timestamp":"') + 13;
  L[i] = Buffer.concat([L[i].subarray(0, at), Buffer.from(bad), L[i].subarray(at)]);
  return Buffer.concat(L.flatMap((l) => [l, Buffer.from("\n")]));
};
malformed.dup_ids = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(4, 20));
  const a = R.pick(t.entries),
    b = R.pick(t.entries);
  b.id = a.id;
  return t.textOut();
};
malformed.dup_line = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(4, 20));
  const L = t.lines();
  L.splice(R.range(1, L.length), 0, R.pick(L.slice(1)));
  return `${L.join("\n")}\n`;
};
malformed.self_cycle = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const e = R.pick(t.entries);
  e.parentId = e.id;
  return t.textOut();
};
malformed.cycle = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(5, 12));
  t.entries[0].parentId = R.pick(t.entries).id;
  return t.textOut();
};
malformed.dangling_parent = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 20));
  R.pick(t.entries).parentId = R.hex(8);
  return t.textOut();
};
malformed.forward_parent = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(5, 20));
  const i = R.range(0, t.entries.length - 3);
  const L = t.entries;
  [L[i], L[i + 1]] = [L[i + 1], L[i]];
  return t.textOut();
};
malformed.shuffled = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(5, 20));
  for (let i = t.entries.length - 1; i > 0; i--) {
    const j = R.int(i + 1);
    [t.entries[i], t.entries[j]] = [t.entries[j], t.entries[i]];
  }
  return t.textOut();
};
malformed.missing_id = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  delete R.pick(t.entries).id;
  return t.textOut();
};
malformed.missing_id_last = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  delete t.entries.at(-1).id;
  return t.textOut();
};
malformed.missing_parent = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  delete R.pick(t.entries).parentId;
  return t.textOut();
};
malformed.missing_type = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  delete R.pick(t.entries).type;
  return t.textOut();
};
malformed.odd_ids = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(4, 10));
  const es = t.entries;
  const i = R.range(0, es.length - 2);
  const v = R.pick([5, 0, "", null, true, false, 1.5, {}, [], "__proto__", "constructor"]);
  es[i].id = v;
  es[i + 1].parentId = v;
  return t.textOut();
};
malformed.odd_parent = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(4, 10));
  R.pick(t.entries).parentId = R.pick([5, 0, "", true, false, {}, [], "root"]);
  return t.textOut();
};
malformed.message_missing = (R) => {
  const t = new Transcript(R);
  t.grow(R.range(3, 10));
  const ms = t.entries.filter((e) => e.type === "message");
  if (ms.length) {
    const m = R.pick(ms);
    const v = R.pick([undefined, null, 5, "x", [], {}]);
    if (v === undefined) delete m.message;
    else m.message = v;
  }
  return t.textOut();
};
malformed.label_odd = (R) => {
  const t = new Transcript(R);
  t.turn();
  const l = t.label(t.leaf, "x");
  const f = R.int(5);
  if (f === 0) delete l.targetId;
  else if (f === 1) l.label = 5;
  else if (f === 2) l.label = { a: 1 };
  else if (f === 3) l.targetId = l.id;
  else l.label = null;
  t.turn();
  return t.textOut();
};
malformed.label_of_label = (R) => {
  const t = new Transcript(R);
  t.turn();
  const l = t.label(t.leaf, "x");
  t.label(l.id, "of-label");
  t.turn();
  return t.textOut();
};
malformed.label_root = (R) => {
  const t = new Transcript(R);
  const u = t.user();
  const l = { ...t.base("label"), targetId: u.id, label: "first" };
  l.parentId = null;
  t.entries.unshift(l);
  u.parentId = l.id;
  t.turn();
  return t.textOut();
};
malformed.only_labels_on_path = (R) => {
  const t = new Transcript(R);
  t.turn();
  t.leaf = null;
  t.label(t.entries[0].id, "a");
  t.label(t.entries[0].id, "b");
  return t.textOut();
};
malformed.deep_nesting = (R) => {
  const t = new Transcript(R);
  t.turn();
  const d = R.pick([50, 500, 3000, 20000]);
  const L = t.lines();
  const i = R.range(1, L.length - 1);
  L[i] = L[i].replace(/}$/, `,"deep":${"[".repeat(d)}${"]".repeat(d)}}`);
  return `${L.join("\n")}\n`;
};
malformed.v1_two_compactions_bad_index = (R) => {
  const t = new Transcript(R, { version: 1 });
  t.turn();
  t.push({ ...t.base("compaction"), summary: "s", firstKeptEntryIndex: R.pick([-1, 0, 1, 2.5, 99, 1e9, "1", null]), tokensBefore: 1 });
  t.turn();
  for (const e of t.entries) {
    delete e.id;
    delete e.parentId;
  }
  return t.textOut();
};
