/** Questions in several chats while the account, and sometimes the server, is killed again and again. */
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readLedger } from "./ledger.mjs";
import { Account, Server } from "./processes.mjs";
import { question, random } from "./script.mjs";
import { judge } from "./verdict.mjs";

const CHATS = 6;
/** Share of questions that are task assignments. */
const TASKS = 0.15;
/** Share of kills that take the server along, and of ends that are orderly. */
const SERVER_KILLS = 0.12;
const ORDERLY = 0.1;
/** Longest life after the first turn, and of an account that is killed while it starts. Milliseconds. */
const LONGEST_LIFE = 250;
const LONGEST_START = 150;
/** How long nothing may move at the end before that counts as lost. Milliseconds. */
const PATIENCE = 30_000;

/**
 * @param {{ folder: string, seed: number, dispatches: number, kills: number }} options `folder`: an empty one
 * @param {(line: string) => void} log
 * @returns what {@link judge} found
 */
export async function storm({ folder, seed, dispatches, kills }, log = () => {}) {
  const next = random(seed);
  const stateFile = join(folder, "server.jsonl");
  const server = await new Server(stateFile).start();
  const chats = await stage(server);
  const start = () => new Account({ url: server.url, folder, seed }, log);
  let account;
  try {
    let asked = 0;
    for (let round = 0; round < kills; round += 1) {
      account = start();
      const until = Math.round((dispatches * (round + 1)) / kills);
      const choices = Array.from({ length: until - asked }, () => [next() < TASKS, chats[Math.floor(next() * chats.length)], next()]);
      const numbered = choices.map((choice, index) => [asked + index, ...choice]);
      asked = until;
      const asking = (async () => {
        for (const one of numbered) await ask(server, stateFile, one);
      })();
      await run(account, next);
      const takesServer = next() < SERVER_KILLS;
      const orderly = next() < ORDERLY;
      await Promise.all([orderly ? account.close() : account.kill(), takesServer && server.kill()]);
      if (takesServer) await server.start();
      await asking;
    }
    account = start();
    await settle(account, stateFile, dispatches);
    const { deadLetters: dead = 0 } = account.status;
    const exit = await account.close();
    const verdict = await judge({ folder, stateFile, seed, dispatches, dead });
    return { ...verdict, exit };
  } finally {
    await account?.kill();
    await server.kill();
  }
}

/** People, each with a direct chat. */
async function stage(server) {
  const chats = [];
  for (let index = 0; index < CHATS; index += 1) {
    const { id: person } = await server.control("human", { name: `Person ${index}` });
    const { id: chat } = await server.control("chat", { type: "direct", members: [person, "usr_agent"] });
    chats.push({ person, chat });
  }
  return chats;
}

/** Asks one question, also when the server dies over it: a message has a key, a task is looked for before it is repeated. */
async function ask(server, stateFile, [number, isTask, { person, chat }, pause]) {
  await sleep(pause * 20);
  const say = () => server.control("say", { from: person, chat, text: question(number), key: `asked:${number}` });
  const assign = () => server.control("assign_task", { from: person, to: "usr_agent", title: question(number) });
  for (let again = false; ; again = true) {
    try {
      if (again && isTask && (await readLedger(stateFile)).has(number)) return;
      await (isTask ? assign() : say());
      return;
    } catch {
      await sleep(20);
    }
  }
}

/** Lets an account run for a random time, counted from its start or from its first turn. */
async function run(account, next) {
  const early = next() < 0.3;
  const length = next() * (early ? LONGEST_START : LONGEST_LIFE);
  await once(account, "ready");
  if (!early) await Promise.race([once(account, "turn"), sleep(2_000)]);
  await sleep(length);
}

/** Waits until everything is acknowledged or a dead letter, and no fork is left. */
async function settle(account, stateFile, dispatches) {
  let least = Number.POSITIVE_INFINITY;
  let since = performance.now();
  for (;;) {
    const { deadLetters = 0, forks = 0, activeRuns = 0 } = account.status;
    const begin = performance.now();
    const questions = [...(await readLedger(stateFile)).values()];
    const reading = performance.now() - begin;
    const acknowledged = questions.filter((one) => one.acknowledgedAt !== undefined).length;
    const open = dispatches - acknowledged - deadLetters + forks + activeRuns;
    if (open <= 0) return;
    if (open < least) [least, since] = [open, performance.now()];
    if (performance.now() - since > PATIENCE) return;
    await sleep(Math.max(100, 5 * reading));
  }
}
