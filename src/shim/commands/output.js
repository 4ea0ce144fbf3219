/** How commands show what they found. */

const UNITS = [
  ["d", 24 * 60 * 60 * 1000],
  ["h", 60 * 60 * 1000],
  ["min", 60 * 1000],
];
/** Most characters of a cell. */
const CELL = 80;

/** Prints why a command failed, and lets it end with a failure. */
export function fail(print, reason) {
  print(`error: ${reason}`);
  process.exitCode = 1;
}

/**
 * A table for people: columns aligned, one line each.
 *
 * @param {string[]} heads
 * @param {(string | number | undefined)[][]} rows
 * @returns {string[]}
 */
export function table(heads, rows) {
  const lines = [heads, ...rows.map((row) => row.map(cell))];
  const widths = heads.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
}

/** How long ago something was, in one unit. */
export function age(since, now = Date.now()) {
  const elapsed = Math.max(0, now - since);
  const [unit, length] = UNITS.find(([, one]) => elapsed >= one) ?? ["s", 1000];
  return `${Math.floor(elapsed / length)} ${unit}`;
}

/** One line of bounded length. What comes from a server must not steer the terminal. */
function cell(value) {
  const text = String(value ?? "-").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
  return text.length > CELL ? `${text.slice(0, CELL - 3)}...` : text;
}
