/** Numbers and words that are the same for the same seed. */

/** sfc32, seeded by splitmix32. */
export function random(seed) {
  let s = seed >>> 0;
  const sm = () => {
    s = (s + 0x9e3779b9) >>> 0;
    let z = s;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let a = sm(),
    b = sm(),
    c = sm(),
    d = 1;
  const next = () => {
    const t = (((a + b) >>> 0) + d) >>> 0;
    d = (d + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + t) >>> 0;
    return t;
  };
  for (let i = 0; i < 12; i++) next();
  const R = {
    u32: next,
    f: () => next() / 4294967296,
    int: (n) => Math.floor(R.f() * n), // [0,n)
    range: (lo, hi) => lo + R.int(hi - lo + 1), // [lo,hi]
    chance: (p) => R.f() < p,
    pick: (xs) => xs[R.int(xs.length)],
    hex: (n) => {
      let o = "";
      while (o.length < n) o += (next() >>> 0).toString(16).padStart(8, "0");
      return o.slice(0, n);
    },
    uuid: () => {
      const h = R.hex(32).split("");
      h[12] = "4";
      h[16] = "89ab"[R.int(4)];
      const x = h.join("");
      return `${x.slice(0, 8)}-${x.slice(8, 12)}-${x.slice(12, 16)}-${x.slice(16, 20)}-${x.slice(20)}`;
    },
  };
  return R;
}

const WORDS =
  "the quick session fork writes entries when agent tool result path error ok build cargo npm node line branch leaf merge retry token cache plan read edit bash patch file diff test main index value state queue".split(
    " ",
  );
const UNI = [
  "é",
  "ß",
  "漢字",
  "かな",
  "한국어",
  "العربية",
  "हिन्दी",
  "😀",
  "👩‍👩‍👧‍👦",
  "🏳️‍🌈",
  "𝒳",
  "\u00a0",
  "\u2003",
  "\u2028",
  "\u2029",
  "\ufeff",
  "\u200b",
  "\u0000",
  "\u0007",
  "\u001b[31m",
  "\u007f",
  "\u0085",
  "\ud83d\ude80",
  "\uffff",
  "\ue000",
  "ﷺ",
  "Ω",
  "\t",
  "\n",
  "\r\n",
  "\\",
  '"',
  "/",
  "\b\f",
  "</script>",
];
/** A few words, with characters that JSON and UTF-8 make difficult if `unicode` is set. */
export function text(R, unicode, maxWords = 40) {
  const n = R.range(1, maxWords);
  const o = [];
  for (let i = 0; i < n; i++) o.push(unicode && R.chance(0.35) ? R.pick(UNI) : R.pick(WORDS));
  return o.join(unicode && R.chance(0.3) ? "" : " ");
}
