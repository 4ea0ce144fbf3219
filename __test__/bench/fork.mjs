/**
 * From a frame on the socket to the start of the fork's turn, while the agent is busy in another chat: long parent transcripts on a
 * host with session files, with and without a compaction, the journal on disk. Beside each fork the least that can be done for it: a
 * message fetched, one row written and synced, and as much copied by `fs.copyFile` as the fork's transcript holds. The server runs
 * in a process of its own; both read the same clock.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  copyFileSync,
  fdatasyncSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createFork, removeFork } from "../../src/shim/forks/fork.js";
import { deferred, native } from "../js/support.mjs";
import { writeTranscript } from "./session/transcript.mjs";
import { beside, percentile } from "./table.mjs";

const PARENTS = [
  { name: "20 MB", bytes: 20e6 },
  { name: "20 MB, compacted", bytes: 20e6, context: 1e6 },
  { name: "100 MB, compacted", bytes: 100e6, context: 1e6 },
];
const FORKS = 60;
/**
 * How many times as long as its neighbour each may take, at the 95th percentile. A fork has two more rows to sync before its
 * turn, and its copy is made on a thread that stands back behind all others: on a machine without a free processor it takes longer.
 */
const TIMES = 3;
const DELAY_TIMES = 3;
/** How finely delays of the event loop are seen, milliseconds; the timer that looks waits this long itself. */
const RESOLUTION = 1;
const PARENT = "agent:main:parall:default-usr_agent";
const server = fileURLToPath(new URL("../server/main.js", import.meta.url));

/** Wall-clock milliseconds with fractions, comparable between processes. */
const now = () => performance.timeOrigin + performance.now();

/** A folder of sessions with a long one, and as much of a host as making forks asks for. */
function sessions(folder, { bytes, context }) {
  const storePath = path.join(folder, "sessions.json");
  const sessionFile = path.join(folder, "parent.jsonl");
  writeTranscript(sessionFile, bytes, { context });
  writeFileSync(storePath, JSON.stringify({ [PARENT]: { sessionId: "parent", sessionFile } }));
  const offered = () => {};
  return {
    runtime: { agent: { session: { loadSessionStore: offered, saveSessionStore: offered } } },
    channel: { session: { resolveStorePath: () => storePath } },
    ...{ cfg: {}, agentId: "main", accountId: "default", parentSessionKey: PARENT },
  };
}

export async function fork() {
  const rows = [];
  for (const parent of PARENTS) rows.push(...(await forkOf(parent)));
  return rows;
}

async function forkOf(parent) {
  const folder = mkdtempSync(path.join(tmpdir(), "parall-bench-fork-"));
  const child = spawn(process.execPath, [server, "--seed"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    return await measure(folder, JSON.parse(line).url, parent);
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
}

async function measure(folder, url, parent) {
  const control = async (name, body) => (await fetch(`${url}/_control/${name}`, { method: "POST", body: JSON.stringify(body) })).json();
  const host = sessions(folder, parent);
  const [ready, busy, release] = [deferred(), deferred(), deferred()];
  const started = new Map();
  let removed = deferred();
  const gateway = native.startGateway(
    { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", stateDir: folder },
    {
      runTurn: async (turn) => {
        if (turn.sessionKey === PARENT) {
          busy.resolve();
          await release.promise;
        } else started.set(turn.messageId, now());
        return { started: true };
      },
      createFork: async () => (await createFork(host)).fork ?? null,
      removeFork: async (made) => {
        if (started.size === 1) copyFileSync(made.sessionFile, path.join(folder, "sample"));
        await removeFork({ ...host, fork: made });
        removed.resolve();
      },
      leftoverForks: async () => [],
      status: (patch) => JSON.parse(patch).connected && ready.resolve(),
      log: () => {},
    },
  );
  await ready.promise;
  await control("say", { from: "usr_ada", chat: "cht_Ada", text: "Take your time." });
  await busy.promise;

  const [delays, still] = [[], []];
  const [ids, plain] = [[], []];
  const least = plainly(folder, url);
  for (let index = 0; index < FORKS; index += 1) {
    removed = deferred();
    const begin = now();
    await watched(delays, async () => {
      ids.push((await control("say", { from: "usr_ben", chat: "cht_Ben", text: `message ${index}` })).id);
      await removed.promise;
    });
    const taken = now() - begin;
    await watched(still, () => new Promise((resolve) => setTimeout(resolve, taken)));
    plain.push(await least(ids.at(-1)));
  }
  const { started_at: startedAt, events } = await control("timeline", {});
  release.resolve();
  await gateway.close();

  const frames = new Map(events.filter(({ event }) => event === "dispatch").map(({ source, at }) => [source, startedAt + at]));
  const times = ids.map((id) => started.get(id) - frames.get(id));
  const of = (list) => percentile(list, 95);
  return [
    beside(`frame to a fork's turn, ${parent.name}, p95`, of(times), of(plain), "ms", "fetch, row, copy", TIMES),
    beside(`latest event-loop timer meanwhile, ${parent.name}, p95`, of(delays), of(still), "ms", "without work", DELAY_TIMES),
  ];
}

/** Notes the longest delay of the event loop during some work. A monitor of its own: one that is used again counts the pause. */
async function watched(delays, work) {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION });
  monitor.enable();
  await work();
  monitor.disable();
  if (monitor.count > 0) delays.push(monitor.max / 1e6);
}

/** The least that can be done for a fork, as safe as ours: milliseconds that it takes. */
function plainly(folder, url) {
  const agent = new http.Agent({ keepAlive: true });
  const [store, copy] = ["sessions.json", "copy"].map((name) => path.join(folder, name));
  const journal = openSync(path.join(folder, "plain.jsonl"), "a");
  const fetched = (id) =>
    new Promise((resolve, reject) => {
      const options = { agent, headers: { authorization: "Bearer key_agent" } };
      const answered = async (response) => {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
      };
      http.get(`${url}/api/v1/messages/${id}`, options, answered).on("error", reject);
    });
  return async (id) => {
    const begin = now();
    const message = await fetched(id);
    writeSync(journal, `${JSON.stringify({ message: message.id })}\n`);
    fdatasyncSync(journal);
    copyFileSync(path.join(folder, "sample"), copy);
    const entries = JSON.parse(readFileSync(store, "utf8"));
    const unfinished = openSync(`${store}.plain`, "w");
    writeSync(unfinished, JSON.stringify({ ...entries, fork: { sessionId: "fork", sessionFile: copy } }));
    fsyncSync(unfinished);
    closeSync(unfinished);
    renameSync(`${store}.plain`, path.join(folder, "plain-sessions.json"));
    const directory = openSync(folder, "r");
    fsyncSync(directory);
    closeSync(directory);
    return now() - begin;
  };
}

if (process.argv[1] === import.meta.filename) {
  console.table(await fork());
  process.exit(0);
}
