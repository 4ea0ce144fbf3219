/** The skills that come with the plugin, from their own front matter. */
import { readFileSync } from "node:fs";
import { table } from "./table.mjs";

const PROJECT = new URL("../../", import.meta.url);
const read = (file) => readFileSync(new URL(file, PROJECT), "utf8");

export function skills() {
  const rows = JSON.parse(read("openclaw.plugin.json")).skills.map((folder) => {
    const [, name, description] = /^---\nname: (\S+)\ndescription: (.+)\n---\n/.exec(read(`${folder}/SKILL.md`));
    return [`\`${name}\``, description];
  });
  return table([["skill", "what it tells the agent, and when"], ...rows]);
}
