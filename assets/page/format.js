/** Values as people read them. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
];
/** Most characters of a text of others. */
const MOST_CHARACTERS = 300;
/** Characters that are invisible or turn around what is beside them. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

const STATES = {
  claimed: "waiting",
  failed: "trying again",
  adopted: "running",
  answered: "finishing",
  no_reply: "finishing",
  dead: "given up",
  creating: "being made",
};

/** How long something takes, in one unit. */
export function duration(milliseconds) {
  const elapsed = Math.max(0, milliseconds);
  const [unit, length] = UNITS.find(([, one]) => elapsed >= one) ?? UNITS.at(-1);
  return `${Math.floor(elapsed / length)} ${unit}`;
}

/** A text of others: one line of bounded length. */
export function foreign(value) {
  const text = String(value ?? "").replace(INVISIBLE, " ");
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

export const stateName = (state) => STATES[state] ?? foreign(state);

export const count = (number, one, many) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
