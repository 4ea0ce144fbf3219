/**
 * A process with one account and a host that only plays turns. It is there to be killed. Forks are files in a folder, and what the
 * host does is a line in a file, so that both outlive it.
 *
 *     node host.mjs '{ "url", "folder", "seed" }'
 *
 * Prints one JSON line for each event: `ready`, `turn`, `status`, `log`. SIGTERM closes the account; so does the end of standard input.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { native } from "../js/support.mjs";
import { answer, numberOf, plan } from "./script.mjs";

const { url, folder, seed } = JSON.parse(process.argv[2]);
const forks = join(folder, "forks");
const diary = join(folder, "host.jsonl");
const history = join(folder, "history");
mkdirSync(forks, { recursive: true });

const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const note = (entry) => appendFileSync(diary, `${JSON.stringify(entry)}\n`);
const fileOf = (key) => join(forks, encodeURIComponent(key));
const running = new Set();

async function runTurn(turn) {
  const number = numberOf(turn.rawText);
  const session = turn.sessionKey;
  const isFork = session.includes(":fork:");
  const reported = [...new Set([...turn.text.split("[Event: ")[0].matchAll(/question (\d+)/g)].map((match) => Number(match[1])))];
  note({ turn: turn.id, number, session, reported, overlaps: running.has(session), gone: isFork && !existsSync(fileOf(session)) });
  tell({ event: "turn", text: turn.rawText });
  running.add(session);
  try {
    await play(turn, number);
    if (!isFork) writeFileSync(history, turn.id);
    return { started: true };
  } catch (error) {
    // Like the shim: whoever has begun to answer has been running.
    return { started: error.cause === "broke off", error: error.message };
  } finally {
    running.delete(session);
  }
}

async function play(turn, number) {
  const { kind, parts, milliseconds } = plan(seed, number);
  const pause = milliseconds / (parts + 1);
  await sleep(pause);
  const failed = join(folder, `failed-${number}`);
  const isFirst = !existsSync(failed);
  if ((kind === "fails first" || kind === "breaks off") && isFirst) writeFileSync(failed, turn.id);
  if (kind === "fails first" && isFirst) {
    throw new Error("the model is overloaded");
  }
  if (kind === "silent") {
    await gateway.deliver(turn.id, { kind: "final", text: "NO_REPLY" });
  } else {
    for (let part = 0; part < parts; part += 1) {
      const last = part + 1 === parts;
      await gateway.deliver(turn.id, { kind: last ? "final" : "block", text: answer(number, part, turn.id) });
      if (kind === "breaks off" && isFirst && !last) throw new Error("the model broke off", { cause: "broke off" });
      await sleep(pause);
    }
  }
  note({ turn: turn.id, ended: true });
}

const gateway = native.startGateway(
  { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", stateDir: folder, collectEvents: 1 },
  {
    runTurn,
    createFork: async (parent) => {
      if (!existsSync(history)) return null;
      const sessionKey = `${parent}:fork:${process.pid}-${Math.random().toString(36).slice(2)}`;
      await sleep(Math.random() * 5);
      writeFileSync(fileOf(sessionKey), parent);
      await sleep(Math.random() * 5);
      return { sessionKey, sessionId: sessionKey, sessionFile: fileOf(sessionKey) };
    },
    removeFork: async (fork) => {
      await sleep(Math.random() * 5);
      rmSync(fileOf(fork.sessionKey), { force: true });
    },
    leftoverForks: async (parent) =>
      readdirSync(forks)
        .map(decodeURIComponent)
        .filter((key) => key.startsWith(parent))
        .map((sessionKey) => ({ sessionKey, sessionId: sessionKey, sessionFile: fileOf(sessionKey) })),
    status: (patch) => tell({ event: "status", status: JSON.parse(patch) }),
    log: (level, message) => tell({ event: "log", level, message }),
  },
);
tell({ event: "ready" });

const stop = () => gateway.close().then(() => process.exit(0));
process.once("SIGTERM", stop);
process.stdin.once("end", stop).resume();
