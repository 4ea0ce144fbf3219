/** The files of the page. Only the ones named here exist; each is read once. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { packageFolder } from "../state.js";

const TYPES = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  png: "image/png",
};
const SCRIPTS = ["page.js", "account.js", "dialog.js", "dom.js", "format.js", "sparkline.js", "stream.js"];
/** Name -> place in the package. */
const FILES = new Map([
  ...["index.html", "page.css", ...SCRIPTS].map((name) => [name, path.join("assets", "page", name)]),
  ["icon.png", path.join("assets", "icon.png")],
]);
const known = new Map();

/** @returns {Promise<{ type: string, content: Buffer } | undefined>} */
export async function assetFor(name) {
  const file = FILES.get(name);
  if (file === undefined) return undefined;
  if (!known.has(name)) {
    const content = await readFile(path.join(packageFolder(), file));
    known.set(name, { type: TYPES[path.extname(name).slice(1)], content });
  }
  return known.get(name);
}
