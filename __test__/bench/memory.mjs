#!/usr/bin/env node
/**
 * `npm run bench:memory [-- EVENTS]`: what the process of a host holds after 10,000, 30,000, 100,000, 200,000 ... events of many people,
 * agents and chats, each answered. Build with `npm run build` first. A million events take an hour or two; 1,000,000 is the default.
 *
 * The server is in this process and forgets what is over. The journal is on the disk, or where `BENCH_STATE` says: with a folder in
 * memory, such as one below `/dev/shm`, the same events take a fraction of the time, and the process holds the same.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { LocalParall } from "../server/server.js";

const EVENTS = Number(process.argv[2] ?? 1_000_000);
const HOST = fileURLToPath(new URL("memory-host.mjs", import.meta.url));
const STATE = process.env.BENCH_STATE ?? tmpdir();
const PEOPLE = 2_000;
const AGENTS = 100;
/** Chats of each of them. */
const CHATS = 5;
/** One event in so many is an agent's; agents may cause few turns, so most of these are closed without one. */
const AGENT_EVERY = 20;
/** So many events wait or run at once. */
const AT_ONCE = 100;
/** So many events later the server forgets. */
const FORGET = 5_000;
const LIMIT = 600_000;
const MEGABYTE = 1024 * 1024;

/** 10,000, 30,000, then every 100,000, and the last one. */
function* marks() {
  for (let mark = 10_000; mark < EVENTS; mark = { 10000: 30_000, 30000: 100_000 }[mark] ?? mark + 100_000) yield mark;
  yield EVENTS;
}

const folder = await mkdtemp(path.join(STATE, "parall-memory-"));
const parall = await LocalParall.start({ generation: "inbox" });
parall.seed();
const open = parall.world.openDispatches("usr_agent");
const places = populate();
const child = fork(HOST, [parall.url, folder], { execArgv: ["--expose-gc"] });
try {
  await once(child, "message");
  const rows = [await held("connected", 0)];
  const begin = performance.now();
  let said = 0;
  for (const mark of marks()) {
    while (said < mark) {
      const until = Math.min(mark, said + FORGET);
      while (said < until) {
        const { from, chat } = places(said);
        parall.say({ from, chat, text: `Message ${said}: ${"words ".repeat(said % 50)}` });
        said += 1;
        if (open.size >= AT_ONCE) await fewer(AT_ONCE / 2);
      }
      await fewer(0);
      forget();
    }
    rows.push(await held(mark, (performance.now() - begin) / 1000));
    console.error(JSON.stringify(rows.at(-1)));
  }
  console.table(rows);
  child.send("end");
  await once(child, "exit");
} finally {
  child.kill("SIGKILL");
  await parall.close();
  await rm(folder, { recursive: true, force: true });
}

/** People and agents with their chats; answers who says event `number`, and where. */
function populate() {
  const member = (add) => (_, number) => parall[add]({ name: `${add} ${number}` }).id;
  const chats = (from) =>
    Array.from({ length: CHATS }, () => ({ from, chat: parall.addChat({ type: "direct", members: [from, "usr_agent"] }).id }));
  const ofPeople = Array.from({ length: PEOPLE }, member("addHuman")).flatMap(chats);
  const ofAgents = Array.from({ length: AGENTS }, member("addAgent")).flatMap(chats);
  // A step that is prime to the number of chats meets all of them, in no order of senders.
  const nth = (list, number) => list[(number * 7_919) % list.length];
  return (number) => (number % AGENT_EVERY === 0 ? nth(ofAgents, number / AGENT_EVERY) : nth(ofPeople, number));
}

/** Waits until at most so many events are open. */
function fewer(most) {
  return parall.waitFor(() => open.size <= most || undefined, LIMIT, `all but ${most} events`);
}

/** What a million events leave would be a gigabyte here. */
function forget() {
  const { store, world } = parall;
  for (const records of [store.messages, store.sent, store.dispatches]) records.clear();
  world.messages.length = 0;
  for (const chat of store.chats.keys()) world.chatMessages(chat).length = 0;
}

/** What the host holds; it also says when it is connected again. */
async function answer() {
  for (;;) {
    const [message] = await once(child, "message");
    if (message.held) return message.held;
  }
}

async function held(events, seconds) {
  child.send("held");
  const held = await answer();
  const megabytes = (bytes = 0) => Number((bytes / MEGABYTE).toFixed(1));
  const { rss, heapTotal, heapUsed, external, native, journal, ...others } = held;
  return {
    events,
    "rss MB": megabytes(rss),
    "heapTotal MB": megabytes(heapTotal),
    "heapUsed MB": megabytes(heapUsed),
    "external MB": megabytes(external),
    "native MB": megabytes(native),
    "journal MB": megabytes(journal),
    ...others,
    "events / s": seconds > 0 ? Math.round(events / seconds) : 0,
  };
}
