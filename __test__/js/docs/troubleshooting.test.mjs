/**
 * Every code that an error can carry to a user has its line in the page about troubleshooting, no line has lost its code, and what the
 * page quotes are words of the plugin.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const read = (file) => readFileSync(path.join(PROJECT, file), "utf8");

const sources = ["bin", "src"].flatMap((folder) =>
  readdirSync(path.join(PROJECT, folder), { recursive: true }).map((name) => path.join(folder, name)),
);

/** What the errors of the native part answer to `code()`, and codes that are written elsewhere in the sources. */
function codesIn(file) {
  const source = read(file).replaceAll(/^#\[cfg\(test\)\]\nmod \w+ \{.*?^\}/gms, "");
  const answered = [...source.matchAll(/^ {4}fn code\(&self\) -> &'static str \{.*?^ {4}\}/gms)].flatMap(([body]) => [
    ...body.matchAll(/"([^"]+)"/g),
  ]);
  const written = [...source.matchAll(/"(PARALL_[A-Z_]+)"/g)];
  return [...answered, ...written].map(([, code]) => code);
}

/** The enums of errors: each has to say its codes in the form that is read here. */
const enums = sources.filter((file) => file.endsWith(".rs") && /^impl Coded for /m.test(read(file)));
const codes = new Set(sources.filter((file) => /\.(?:rs|js)$/.test(file)).flatMap(codesIn));
const page = read("docs/troubleshooting.md");
const listed = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);

it("every enum of errors is read", () => {
  assert.ok(enums.length >= 8, `${enums}`);
  for (const file of enums) assert.notDeepEqual(codesIn(file), [], file);
});

it("every code has a line", () => {
  assert.deepEqual(
    [...codes].filter((code) => !listed.includes(code)),
    [],
    "say in docs/troubleshooting.md what they mean and what to do",
  );
});

it("every line has a code, and one only", () => {
  assert.deepEqual(
    listed.filter((code, index) => !codes.has(code) || listed.indexOf(code) !== index),
    [],
  );
});

/** Words of OpenClaw, or of a library, that the page quotes. */
const OTHERS = [
  'does not recognize option "--token"',
  "unknown option '--api-key'",
  "plugin source outside ClawHub",
  "UnknownIssuer",
  "Unknown target",
  "Hint",
  "<cht_",
];

it("every message that is quoted is in the sources", () => {
  // A text that is broken over lines with a backslash is one.
  const words = sources.filter((file) => /\.(?:rs|js)$/.test(file)).map((file) => read(file).replaceAll(/\\\n\s*/g, ""));
  const isKnown = (piece) => OTHERS.includes(piece) || words.some((text) => text.includes(piece));
  const [, table] = /\n## By what you see\n(.*?)\n## /s.exec(page);
  const quotes = [...table.matchAll(/^\| (.*?) \| /gm)].flatMap(([, cell]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, quote]) => quote));
  assert.ok(quotes.length > 20, `${quotes.length} quotes`);
  // What differs each time, and the joints of what is put together, are between the pieces.
  const pieces = quotes.flatMap((quote) => quote.split(/\.\.\.|\\\||\d+|: |channels\.parall\.\w+/)).map((piece) => piece.trim());
  assert.deepEqual(
    pieces.filter((piece) => piece.length > 3 && !isKnown(piece)),
    [],
  );
});
