/**
 * One measurement in a fresh process: `measure.mjs WHAT FILE`. Prints JSON: milliseconds, the longest stall of the event loop,
 * and how much the process grew at its peak.
 */
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { promisify } from "node:util";

const [what, file] = process.argv.slice(2);
const KEY = "agent:main:parall:account";
const sessionsDir = path.dirname(file);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const ways = {
  /** The program `cp`. Its stall is the machine's own: this process only waits. */
  async cp() {
    const copy = `${file}.copy`;
    return { run: () => promisify(execFile)("cp", [file, copy]), undo: async () => rmSync(copy) };
  },
  /** Our fork. Like the other ways it makes the transcript only, unless the entry in the store is asked for. */
  async ours({ registerEntry = false, history = "full" } = {}) {
    const native = createRequire(import.meta.url)(process.env.PARALL_ADDON ?? "../../../parall.linux-x64-gnu.node");
    const fork = () =>
      native.forkOrchestratorSession({
        orchestratorSessionKey: KEY,
        accountId: "default",
        transcriptFile: file,
        sessionsDir,
        cut: "leaf",
        history,
        registerEntry,
      });
    return { run: fork, undo: (made) => native.cleanupForkSession({ ...made, sessionsDir }) };
  },
  /** The same with its entry in the store. */
  registered: () => ways.ours({ registerEntry: true }),
  /** Our fork of the context. */
  context: () => ways.ours({ history: "context" }),
  /** The same once more. */
  async contextAgain() {
    const { run, undo } = await ways.context();
    await undo(await run());
    return { run, undo };
  },
  /** Our fork once the transcript is known: what the next fork of a growing transcript costs. */
  async again() {
    const { run, undo } = await ways.ours();
    await undo(await run());
    return { run, undo };
  },
  /** The path of 1.12.0: the session manager, on the event loop. */
  async typescript() {
    const manager = new URL("../../../node_modules/@mariozechner/pi-coding-agent/dist/core/session-manager.js", import.meta.url);
    const { SessionManager } = await import(manager.href);
    const fork = async () => {
      const source = SessionManager.open(file);
      return source.createBranchedSession(source.getLeafId());
    };
    return { run: fork, undo: async (made) => rmSync(made) };
  },
};

/** Linux forgets the peak of the resident size when it is told to. */
const forgetPeak = () => writeFileSync("/proc/self/clear_refs", "5");
const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;

const { run, undo } = await ways[what]();
await pause(100);
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await pause(20);
forgetPeak();
const before = peak();
delay.reset();
// The first tick after a reset only begins to count.
await pause(5);
const start = performance.now();
const made = await run();
const milliseconds = performance.now() - start;
await pause(5);
delay.disable();
const result = { milliseconds, stall: Math.max(0, delay.max / 1e6 - 1), growth: peak() - before };
await undo(made);
console.log(JSON.stringify(result));
