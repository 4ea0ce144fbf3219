/** What the documentation copies from elsewhere is as it is there. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { made, replacePart } from "../../../docs/generate.mjs";

const PROJECT = new URL("../../../", import.meta.url);
const files = made();

describe("what is made by a program", () => {
  for (const [file, text] of Object.entries(files)) {
    it(`${file} is up to date`, () => {
      assert.equal(readFileSync(new URL(file, PROJECT), "utf8"), text, "run: npm run docs:generate");
    });
  }

  it("pages of the command are listed, and no others are there", () => {
    const pages = Object.keys(files).flatMap((file) => /^docs\/command\/(.*)$/.exec(file)?.[1] ?? []);
    const index = readFileSync(new URL("docs/command/index.md", PROJECT), "utf8");
    assert.deepEqual(
      pages.filter((page) => !index.includes(`(${page})`)),
      [],
    );
    const there = readdirSync(new URL("docs/command/", PROJECT)).filter((name) => name.endsWith(".md"));
    assert.deepEqual(there.sort(), ["index.md", ...pages].sort());
  });
});

describe("a made part of a page", () => {
  it("is replaced, whatever was in it, and the rest stays", () => {
    const page = "# A\n\n<!-- made: b -->\n\nold\n\n<!-- end -->\n\nC\n";
    const made = "# A\n\n<!-- made: b -->\n\nnew $& $1\n\n<!-- end -->\n\nC\n";
    assert.equal(replacePart(page, "b", "new $& $1"), made);
    assert.equal(replacePart(made, "b", "new $& $1"), made);
    assert.equal(replacePart("<!-- made: b -->\n<!-- end -->\n", "b", "new"), "<!-- made: b -->\n\nnew\n\n<!-- end -->\n");
  });

  it("must be there exactly once", () => {
    assert.throws(() => replacePart("# A\n", "b", "new"), /one part "b", not 0/);
    const twice = "<!-- made: b -->\n<!-- end -->\n".repeat(2);
    assert.throws(() => replacePart(twice, "b", "new"), /one part "b", not 2/);
  });
});
