#!/usr/bin/env node
/**
 * `npm run bench:session`: our fork, the TypeScript path and `cp` of the same file in one run, and the session store.
 * Build with `npm run build` first.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { contextOfDatabase, contextOfFile, DATABASES, FILES } from "./session/context.mjs";
import { measure } from "./session/measuring.mjs";
import { store } from "./session/store.mjs";
import { writeTranscript } from "./session/transcript.mjs";
import { bounded, median } from "./table.mjs";

const MEGABYTE = 1e6;
/** Size in megabytes, runs of each, runs of the slow TypeScript path, and the bounds. */
const SIZES = [
  { size: 1, runs: 9, slowRuns: 5, copies: 6, faster: 10, growth: 8 },
  { size: 10, runs: 9, slowRuns: 5, copies: 3, faster: 30, growth: 16 },
  { size: 100, runs: 7, slowRuns: 3, copies: 2, faster: 50, growth: 16 },
  { size: 300, runs: 5, slowRuns: 1, copies: 2, faster: 60, growth: 16 },
];
/** How many times as long as beside `cp` the event loop's timer may be late at most, its own millisecond included. */
const STALL_TIMES = 2;
const timer = (stall) => 1 + stall;

function forks(folder, { size, runs, slowRuns, copies, faster, growth }) {
  const file = path.join(folder, `${size}.jsonl`);
  const lines = writeTranscript(file, size * MEGABYTE);
  const taken = { cp: [], ours: [], again: [], registered: [], typescript: [] };
  // In turns, so that a busy moment of the machine hits all of them.
  for (let run = 0; run < runs; run++) {
    for (const what of ["cp", "ours", "again", "registered"]) taken[what].push(measure(what, file));
    if (run < slowRuns) taken.typescript.push(measure("typescript", file));
  }
  rmSync(file);
  const of = (what, key = "milliseconds") => median(taken[what].map((one) => one[key]));
  return {
    transcript: `${size} MB, ${lines} lines`,
    "cp ms": of("cp").toFixed(1),
    "fork ms": of("ours").toFixed(1),
    "next fork ms": of("again").toFixed(1),
    "with its entry ms": of("registered").toFixed(1),
    "TypeScript ms": of("typescript").toFixed(0),
    "fork / cp": bounded(of("ours") / of("cp"), copies),
    "TypeScript / fork": bounded(of("typescript") / of("ours"), faster, false),
    "stall ms": of("ours", "stall").toFixed(1),
    "stall beside cp ms": of("cp", "stall").toFixed(1),
    "timer / beside cp": bounded(timer(of("ours", "stall")) / timer(of("cp", "stall")), STALL_TIMES),
    "growth MB": bounded(of("ours", "growth") / MEGABYTE, growth),
  };
}

const folder = mkdtempSync(path.join(tmpdir(), "parall-bench-"));
try {
  writeFileSync(path.join(folder, "sessions.json"), "{}");
  console.table(FILES.map((size) => contextOfFile(folder, size)));
  console.table(DATABASES.map((size) => contextOfDatabase(folder, size)));
  console.table(SIZES.map((size) => forks(folder, size)));
  console.table([1_000, 10_000].map((entries) => store(folder, entries)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
