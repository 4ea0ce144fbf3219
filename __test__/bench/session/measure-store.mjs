/** One measurement of the session store in a fresh process. Prints JSON. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = process.argv[2];
const native = createRequire(import.meta.url)(process.env.PARALL_ADDON ?? "../../../parall.linux-x64-gnu.node");
const KEY = "agent:main:parall:account:fork:00000000-0000-8000-8000-000000000000";
const ENTRY = '{\n    "sessionId": "x",\n    "sessionFile": "y.jsonl"\n  }';
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await pause(50);
writeFileSync("/proc/self/clear_refs", "5");
const before = peak();
delay.reset();
// The first tick after a reset only begins to count.
await pause(5);
const upsert = await timed(() => native.upsertSessionEntry(file, KEY, ENTRY));
const read = await timed(() => native.readSessionEntry(file, KEY));
const remove = await timed(() => native.deleteSessionEntry(file, KEY));
await pause(5);
delay.disable();
const growth = peak() - before;
const stallOf = (histogram) => Math.max(0, histogram.max / 1e6 - 1);
const stall = stallOf(delay);

// As long without any work.
delay.reset();
delay.enable();
await pause(5);
await pause(upsert + read + remove);
await pause(5);
delay.disable();
const still = stallOf(delay);

const plainly = await timed(() => writeFileSync(`${file}.plain`, readFileSync(file)));
const safely = await timed(() => {
  writeFileSync(`${file}.tmp`, readFileSync(file));
  const descriptor = openSync(`${file}.tmp`, "r+");
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(`${file}.tmp`, `${file}.safe`);
});
for (const copy of [`${file}.plain`, `${file}.safe`]) rmSync(copy);
console.log(JSON.stringify({ upsert, read, remove, plainly, safely, growth, stall, still }));
