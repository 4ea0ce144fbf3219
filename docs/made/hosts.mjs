/** The OpenClaw releases that the plugin is tested on, from the list that the tests themselves take. */
import { readFileSync } from "node:fs";
import { table } from "./table.mjs";

const { releases } = JSON.parse(readFileSync(new URL("../../__test__/hosts/releases.json", import.meta.url), "utf8"));

const SUITES = {
  full: "the whole host suite, in every run",
  ci: "a short scene and the agent's tools, in every run",
  all: "a short scene, by `npm run test:hosts:all`",
};

export function hosts() {
  const rows = releases.map(({ version, node, suite, flags }) => [
    version,
    node,
    SUITES[suite],
    flags.length > 0 ? flags.map((flag) => `\`${flag}\``).join(" ") : "none",
  ]);
  return table([["OpenClaw", "Node", "what is run on it", "what an unattended install asks for"], ...rows]);
}
