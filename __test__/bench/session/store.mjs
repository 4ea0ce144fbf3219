/** The session store: upsert and delete beside plainly reading and writing the same file. */
import { spawnSync } from "node:child_process";
import { rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { random } from "../../session/generator/random.mjs";
import { bounded, median } from "../table.mjs";

const RUNS = 7;
/** How many times as long as without work the event loop's timer may be late at most, its own millisecond included. */
const STALL_TIMES = 3;
const WORDS = "skill use when the user asks to run build read wiki tasks platform session tool path file".split(" ");
const MEASURE = fileURLToPath(new URL("./measure-store.mjs", import.meta.url));

/** An entry with the sizes that real stores show: most carry a snapshot of skills and a report on the prompt. */
function entry(R, key) {
  const sessionId = R.uuid();
  const bare = { sessionId, sessionFile: `/home/u/sessions/${sessionId}.jsonl`, updatedAt: 1775000000000 + R.int(1e9), chatType: "direct" };
  if (R.chance(0.3)) return bare;
  const words = (length) => Array.from({ length: length / 6 }, () => R.pick(WORDS)).join(" ");
  const skills = Array.from({ length: 12 }, (_, index) => ({
    name: `skill-${index}`,
    description: words(300),
    filePath: `/home/u/skills/skill-${index}/SKILL.md`,
    source: "bundled",
    disableModelInvocation: false,
  }));
  const tools = Array.from({ length: 21 }, (_, index) => ({ name: `tool_${index}`, summaryChars: R.int(300), schemaChars: R.int(1500) }));
  return {
    ...bare,
    skillsSnapshot: { prompt: words(3000), skills },
    systemPromptReport: {
      source: "run",
      sessionKey: key,
      skills: { entries: skills.map(({ name }) => ({ name })) },
      tools: { entries: tools },
    },
  };
}

export function writeStore(file, count) {
  const R = random(42);
  const keys = Array.from({ length: count }, () => `agent:main:parall:direct:cht_${R.hex(16)}`);
  writeFileSync(file, JSON.stringify(Object.fromEntries(keys.map((key) => [key, entry(R, key)])), null, 2), { mode: 0o600 });
}

/** Medians of several fresh processes, as one row of the table. */
export function store(folder, count) {
  const file = path.join(folder, "store.json");
  writeStore(file, count);
  const size = statSync(file).size;
  const taken = Array.from({ length: RUNS }, () => JSON.parse(spawnSync(process.execPath, [MEASURE, file], { encoding: "utf8" }).stdout));
  rmSync(file);
  const of = (key) => median(taken.map((one) => one[key]));
  const ratio = (of("upsert") + of("remove")) / (2 * of("safely"));
  const growth = of("growth") / size;
  const ms = (key) => of(key).toFixed(1);
  return {
    store: `${count} entries, ${(size / 1e6).toFixed(1)} MB`,
    "read + write ms": ms("plainly"),
    "read + write + sync + rename ms": ms("safely"),
    "upsert ms": ms("upsert"),
    "delete ms": ms("remove"),
    "each / safe read + write": `${ratio.toFixed(2)} (<= 2)${ratio <= 2 ? "" : " NO"}`,
    "stall ms": ms("stall"),
    "stall without work ms": ms("still"),
    "timer / without work": bounded((1 + of("stall")) / (1 + of("still")), STALL_TIMES),
    "growth / file": `${growth.toFixed(2)} (<= 1.5)${growth <= 1.5 ? "" : " NO"}`,
    "read one entry ms": ms("read"),
  };
}
