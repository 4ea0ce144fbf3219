/**
 * The rules by which OpenClaw 2026.4.2 refuses to install a plugin, restated. It looks at JavaScript and TypeScript files
 * outside `node_modules`, as plain text, comments included.
 */

/** A rule holds when `pattern` matches a line (or the text) and `context`, if any, matches the text. */
const RULES = [
  { name: "runs a program", pattern: /\b(?:exec|execSync|spawn|spawnSync|execFile|execFileSync)\s*\(/, context: /child_process/ },
  { name: "runs text as code", pattern: /\beval\s*\(|new\s+Function\s*\(/ },
  { name: "mines", pattern: /stratum\+tcp|stratum\+ssl|coinhive|cryptonight|xmrig/i },
  { name: "reads the environment and uses the network", pattern: /process\.env/, context: /\bfetch\b|\bpost\b|http\.request/i },
];

/** @param {string} text of one file; @returns {string[]} names of the rules that would block it */
export function criticalFindings(text) {
  return RULES.filter(({ pattern, context }) => pattern.test(text) && (context === undefined || context.test(text))).map(
    ({ name }) => name,
  );
}
