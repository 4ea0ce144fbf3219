/** How commands show what they found. */
import { DEFAULT_ACCOUNT } from "../channel/account.js";
import { configPlace } from "../channel/config-place.js";
import { shared } from "../state.js";
import { oneLine } from "../text.js";

const UNITS = [
  ["d", 24 * 60 * 60 * 1000],
  ["h", 60 * 60 * 1000],
  ["min", 60 * 1000],
];
/** Most characters of a cell. */
const CELL = 80;

/** What an operator can do about an error, by its code. */
const ADVICE = {
  PARALL_GATEWAY: "start it, or see `openclaw gateway status`",
  PARALL_JOURNAL_MISSING: "the account has not run with this state directory yet",
  PARALL_JOURNAL_VERSION: "the gateway that wrote it is of another version than this command: restart it after an update",
  PARALL_JOURNAL_UNKNOWN: "`openclaw parall queue list` shows the ids",
  PARALL_JOURNAL_ORDER: "only a dead letter can be dropped, and only what failed can be tried again",
  PARALL_JOURNAL_CORRUPT: "the gateway sets it aside at its next start and begins a new one",
};

/** Whose journal the commands look into. */
export const place = () => ({ stateDir: configPlace(shared().runtime).stateDir, accountId: DEFAULT_ACCOUNT });

/** Carries out a command; why it failed is printed, and lets it end with a failure. */
export async function attempt(print, json, action) {
  try {
    await action();
  } catch (error) {
    const advice = ADVICE[error.code] ? `; ${ADVICE[error.code]}` : "";
    if (json) failAsJson(print, error);
    else fail(print, `${error.message}${advice} (${error.code})`);
  }
}

/** Prints why a command failed, and lets it end with a failure. */
export function fail(print, reason) {
  print(`error: ${reason}`);
  process.exitCode = 1;
}

/** The same as an object. */
export function failAsJson(print, { code, message }) {
  print(JSON.stringify({ error: { code, message } }));
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

/** One line of bounded length. */
function cell(value) {
  const text = oneLine(value ?? "-");
  return text.length > CELL ? `${text.slice(0, CELL - 3)}...` : text;
}
