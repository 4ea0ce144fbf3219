/** The requests that the plugin makes to Parall, from the constants of `src/api/wire/` and what is written above them. */
import { readdirSync, readFileSync } from "node:fs";
import { table } from "./table.mjs";

const FOLDER = new URL("../../src/api/wire/", import.meta.url);
/** What is written above a route, its method and its path, in either way of writing it down. */
const ROUTE =
  /((?: *\/\/\/.*\n)+)[^/\n]*\w+: Route =\s*(?:(\w+)\("([^"]+)"\)|Route \{\s*method: Method::(\w+),\s*path: "([^"]+)",?\s*\});/g;
/** A mark in the sources: no published client proves this. */
const CHOICE = /\*\*Choice\*\*/i;

function routesOf(file) {
  const source = readFileSync(new URL(file, FOLDER), "utf8");
  const isChosen = /^\/\/! .*\*\*Choice\*\*, all of it/.test(source);
  const found = [...source.matchAll(ROUTE)];
  const defined = source.match(/: Route =/g)?.length ?? 0;
  if (found.length !== defined) throw new Error(`${file} defines ${defined} routes, ${found.length} can be read`);
  return found.map(([, comment, shortMethod, shortPath, method = shortMethod.toUpperCase(), path = shortPath]) => {
    const text = comment
      .replaceAll(/ *\/\/\/ ?/g, "")
      .replaceAll("\n", " ")
      .trim();
    const [what, ...why] = text.split(/\s*\*\*Choice\*\*[:,.]?\s*/i);
    const evidence = isChosen || CHOICE.test(text) ? ["choice", ...why.filter(Boolean)].join(": ") : "known";
    return [`\`${method} ${path}\``, plain(what), plain(evidence)];
  });
}

/** Without the links that only `rustdoc` can follow. */
const plain = (text) => text.replaceAll(/\[`(\w+)`\]/g, "`$1`").replace(/\.$/, "");

export function routes() {
  const rows = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".rs"))
    .sort()
    .flatMap(routesOf)
    .sort(([a], [b]) => (a.split(" ")[1] < b.split(" ")[1] ? -1 : 1));
  return table([["request", "what for", "evidence"], ...rows]);
}
