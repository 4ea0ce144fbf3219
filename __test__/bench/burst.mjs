/**
 * What a burst costs: the time to take on an event (load and journal it) while the agent is busy, beside a plain client that fetches
 * the same messages and writes and syncs a row for each; and the memory of the process with nothing, 10,000 and 100,000 finished
 * events in its journal.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { LocalParall } from "../server/server.js";
import { beside, row } from "./table.mjs";

const BURST = 10_000;
const TOMBSTONES = 100_000;
/** So many at a time that the inbox never overflows. */
const BATCH = 5_000;
const LIMIT = 600_000;
/** How many times as long as a plain client ours may take, and how much slower it may get with what waits. */
const TIMES = 1.2;
const host = fileURLToPath(new URL("burst-host.mjs", import.meta.url));
const plainHost = fileURLToPath(new URL("latency-host.mjs", import.meta.url));

export async function burst() {
  const plain = await plainly();
  const folder = await mkdtemp(join(tmpdir(), "parall-burst-"));
  const parall = await LocalParall.start({ generation: "inbox" });
  parall.seed();
  const child = spawn(process.execPath, [host, parall.url, folder], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const account = follow(child);
    await account.until((status) => status.connected);
    const idle = resident(child.pid);

    const begin = performance.now();
    say(parall, BURST);
    const halves = [];
    for (const taken of [BURST / 2, BURST - 1]) {
      await account.until((status) => status.queueDepth >= taken);
      halves.push(performance.now());
    }
    const [early, late] = halves.map((at, index) => (at - (index ? halves[0] : begin)) / (BURST / 2));
    const waiting = resident(child.pid);

    child.stdin.write("\n");
    await answered(parall);
    const after = resident(child.pid);
    for (let done = BURST; done < TOMBSTONES; done += BATCH) {
      say(parall, BATCH);
      await answered(parall);
    }
    return [
      beside("time to take on an event, in a burst of 10,000", (early + late) / 2, plain, "ms", "a plain client", TIMES),
      beside("time to take on one more beside 5,000 waiting", late, early, "ms", "the first 5,000", TIMES),
      row("resident memory beside 10,000 waiting events", waiting - idle, "MB", 100),
      row("resident memory after 10,000 events", after - idle, "MB", 100),
      row("resident memory after 100,000 events", resident(child.pid) - idle, "MB", 100),
    ];
  } finally {
    child.kill("SIGKILL");
    await parall.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds a message that a plain client takes for the same burst. */
async function plainly() {
  const folder = await mkdtemp(join(tmpdir(), "parall-burst-"));
  const parall = await LocalParall.start({ generation: "inbox" });
  parall.seed();
  const child = fork(plainHost, ["plain", parall.url, "key_agent", folder, "keep"]);
  try {
    await once(child, "message");
    const all = new Promise((resolve) => {
      let count = 0;
      child.on("message", () => ++count === BURST && resolve());
    });
    const begin = performance.now();
    say(parall, BURST);
    await all;
    return (performance.now() - begin) / BURST;
  } finally {
    child.kill("SIGKILL");
    await parall.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function say(parall, count) {
  for (let index = 0; index < count; index += 1) parall.say({ from: "usr_ada", chat: "cht_Ada", text: `message ${index}` });
}

const answered = (parall) =>
  parall.waitFor(() => parall.world.openDispatches("usr_agent").size === 0 || undefined, LIMIT, "the end of the queue");

/** Follows the status that the host prints. */
function follow(child) {
  let status = {};
  let check = () => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    status = JSON.parse(line);
    check();
  });
  const until = (predicate) =>
    new Promise((resolve) => {
      check = () => predicate(status) && resolve();
      check();
    });
  return { until };
}

/** Resident memory of a process in megabytes. */
function resident(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1_024;
}
