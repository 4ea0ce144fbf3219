/** Every code that an error can carry to a user has its line in the page about troubleshooting, and no line has lost its code. */
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
const listed = [...read("docs/troubleshooting.md").matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code);

it("every enum of errors is read", () => {
  assert.ok(enums.length >= 8, `${enums}`);
  for (const file of enums) {
    const arms = codesIn(file).length;
    assert.ok(arms >= 4, `${file}: ${arms} codes`);
  }
});

it("every code has a line", () => {
  assert.deepEqual(
    [...codes].filter((code) => !listed.includes(code)),
    [],
  );
});

it("every line has a code, and one only", () => {
  assert.deepEqual(
    listed.filter((code, index) => !codes.has(code) || listed.indexOf(code) !== index),
    [],
  );
});
