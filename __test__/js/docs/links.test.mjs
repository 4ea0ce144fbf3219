/** Links between the project's own texts lead somewhere, and files that they name are there. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { anchorOf } from "../../../docs/made/anchor.mjs";

const PROJECT = fileURLToPath(new URL("../../..", import.meta.url));
const texts = execFileSync("git", ["ls-files", "*.md"], { cwd: PROJECT, encoding: "utf8" }).trim().split("\n");
const PAGES = texts.filter((file) => file.startsWith("docs/"));

/** A text without what is only shown in it. */
const prose = (file) =>
  readFileSync(path.join(PROJECT, file), "utf8")
    .replaceAll(/^```.*?^```/gms, "")
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, " "));

/** `[text](target)` and the file it is in. */
const links = texts.flatMap((file) =>
  [...prose(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({ file, target })).filter(({ target }) => !/^\w+:/.test(target)),
);

function anchorsOf(file) {
  const source = readFileSync(path.join(PROJECT, file), "utf8").replaceAll(/^```.*?^```/gms, "");
  const seen = new Map();
  return [...source.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => {
    const anchor = anchorOf(heading);
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

const resolve = ({ file, target }) => {
  const [name, anchor] = target.split("#");
  return { to: name === "" ? file : path.posix.join(path.posix.dirname(file), name), anchor };
};
const shown = ({ file, target }) => `${file}: ${target}`;

describe("links", () => {
  it("are found", () => assert.ok(links.length > 50, `${links.length} links`));

  it("lead to files that are there", () => {
    const broken = links.filter((link) => !existsSync(path.join(PROJECT, resolve(link).to)));
    assert.deepEqual(broken.map(shown), []);
  });

  it("lead to headings that are there", () => {
    const broken = links.filter((link) => {
      const { to, anchor } = resolve(link);
      return anchor !== undefined && !anchorsOf(to).includes(anchor);
    });
    assert.deepEqual(broken.map(shown), []);
  });

  it("of the site stay on the site", () => {
    const away = links.filter((link) => PAGES.includes(link.file) && !PAGES.includes(resolve(link).to));
    assert.deepEqual(away.map(shown), []);
  });

  it("of what is packed lead to what is packed", () => {
    const packed = readFileSync(path.join(PROJECT, "npm/contents.txt"), "utf8");
    const files = packed.split("\n").map((line) => line.trim());
    const away = links.filter((link) => files.includes(link.file) && !files.includes(resolve(link).to));
    assert.deepEqual(away.map(shown), []);
  });
});

/** Folders of the project whose files texts may name. */
const PLACES = /`((?:src|docs|npm|__test__|skills|\.github)\/[\w./-]+)`/g;

describe("names of files in texts", () => {
  const named = texts.flatMap((file) =>
    [...readFileSync(path.join(PROJECT, file), "utf8").matchAll(PLACES)].map(([, target]) => ({ file, target })),
  );

  it("are found", () => assert.ok(named.length > 50, `${named.length} names`));

  it("are those of files that are there, or that a command makes", () => {
    const lost = named.filter(({ target }) => !existsSync(path.join(PROJECT, target)) && target !== "docs/.vitepress/dist");
    assert.deepEqual(lost.map(shown), []);
  });
});

describe("pages", () => {
  it("are all within reach from the side bar or the command's list", () => {
    const sidebar = readFileSync(path.join(PROJECT, "docs/.vitepress/config.js"), "utf8");
    const lost = PAGES.filter((file) => {
      const page = file.replace(/^docs\//, "/").replace(/(?:index)?\.md$/, "");
      return page !== "/" && !page.startsWith("/command/") && !sidebar.includes(`"${page}"`);
    });
    assert.deepEqual(lost, [], "add them to docs/.vitepress/config.js");
  });
});
