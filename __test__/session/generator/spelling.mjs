/** The same JSON value in another spelling. */

/** Escapes, number forms and spaces that JSON.stringify would not write. */
export function respell(v, R) {
  const ws = () => (R.chance(0.15) ? R.pick([" ", "  ", "\t"]) : "");
  const str = (s) => {
    let o = '"';
    for (let i = 0; i < s.length; i++) {
      const c = s[i],
        n = s.charCodeAt(i);
      if (
        c === '"' ||
        c === "\\" ||
        n < 32 ||
        (n >= 0xd800 &&
          n <= 0xdfff &&
          !(n <= 0xdbff && s.charCodeAt(i + 1) >= 0xdc00 && s.charCodeAt(i + 1) <= 0xdfff) &&
          !(n >= 0xdc00 && i && s.charCodeAt(i - 1) >= 0xd800 && s.charCodeAt(i - 1) <= 0xdbff)) ||
        R.chance(0.05)
      )
        o += `\\u${R.chance(0.5) ? n.toString(16).padStart(4, "0") : n.toString(16).padStart(4, "0").toUpperCase()}`;
      else if (c === "/" && R.chance(0.5)) o += "\\/";
      else o += c;
    }
    return `${o}"`;
  };
  if (v === null || typeof v === "boolean") return String(v);
  if (typeof v === "number") {
    const base = JSON.stringify(v);
    if (Number.isInteger(v) && Math.abs(v) < 1e15) return R.pick([base, `${base}.0`, `${base}e0`, `${base}.000`, `${base}E+0`]);
    return base.includes("e") ? base.replace("e", "E") : base + (base.includes(".") ? "0" : "");
  }
  if (typeof v === "string") return str(v);
  if (Array.isArray(v)) return `[${v.map((x) => ws() + respell(x, R) + ws()).join(",")}]`;
  return `{${Object.entries(v)
    .filter(([, x]) => x !== undefined)
    .map(([k, x]) => `${ws() + str(k) + ws()}:${ws()}${respell(x, R)}`)
    .join(",")}${ws()}}`;
}
