/** Questions from many people while a real gateway is killed again and again. */
import { setTimeout as sleep } from "node:timers/promises";
import { plan, question, random } from "../crash/script.mjs";
import { native } from "../js/support.mjs";
import { openDispatches } from "./scene.mjs";
import { waitForMoment } from "./storm-moments.mjs";

/** People with a direct chat of their own. */
const PEOPLE = 4;
/** Where questions are asked, by how often that happens. */
const PLACES = ["direct", "direct", "direct", "direct", "direct", "group", "thread", "task"];
/** What a question that needs no answer may cost, and how long the model thinks. Milliseconds. */
const THINKING = 600;
const LONG_THINKING = 3000;
/** How many questions are kept for the moment of the kill, so that some are in progress then. */
const KEPT = 3;
/** How long nothing may move at the end before that counts as lost: longer than an answer that the host promised is awaited. */
const PATIENCE = 200_000;
/** So many requests of the model stay in memory with their history. */
const REQUESTS_KEPT = 50;

/**
 * @param {object} scene with the plugin installed, not started
 * @param {{ seed: number, dispatches: number, kills: number, minutes: number }} options `minutes`: no kill after that; what is asked
 *   becomes less in proportion
 * @param {(line: string) => void} log
 * @returns {Promise<{ kills: number, asked: number, dead: string[], forks: object[] }>} `dead`: dispatches that were given up, before
 *   they were tried again as an operator would; `forks`: those that the journal still has
 */
export async function hostStorm(scene, { seed, dispatches, kills, minutes }, log) {
  const next = random(seed);
  const asker = new Asker(scene, seed);
  const { host } = scene;
  const connected = () => scene.parall.sockets.of(scene.people.agent.id).length > 0;
  const begin = async () => {
    const started = performance.now();
    host.launch();
    await host.until("the plugin connects", connected, 180_000);
    return performance.now() - started;
  };

  const end = performance.now() + minutes * 60_000;
  const startUp = await begin();
  await asker.ask(0);
  await settle(scene);
  await host.stop("SIGKILL");
  let round = 0;
  for (; round < kills && performance.now() < end; round += 1) {
    const until = Math.round((dispatches * (round + 1)) / kills);
    const kept = Math.min(KEPT, until - asker.asked);
    const early = Math.floor((until - asker.asked - kept) * next());
    for (let number = 0; number < early; number += 1) await asker.ask(0);
    host.launch();
    const asking = asker.askUntil(until - kept, next);
    const moment = await waitForMoment(scene, { next, startUp, connected, bait: () => asker.askUntil(until, () => 0) });
    await host.stop("SIGKILL");
    await Promise.all([asking, asker.askUntil(until, () => 0)]);
    log(`${round + 1}/${kills} killed: ${moment}; ${asker.asked} asked, ${openDispatches(scene)} open`);
    forget(scene.model);
  }
  await begin();
  await settle(scene);
  const dead = await deadLetters(host);
  for (const { id } of dead) await native.retryDispatch(journalOf(host), id);
  if (dead.length > 0) await settle(scene);
  await asker.ask(0);
  await settle(scene);
  for (const { id, cause } of dead) log(`dead letter ${id}: ${cause}`);
  return { kills: round, asked: asker.asked, dead: dead.map(({ id }) => id), forks: await native.listForks(journalOf(host)) };
}

/** Asks numbered questions in places that the seed chooses. */
class Asker {
  asked = 0;
  #queue = Promise.resolve();

  constructor({ parall, people }, seed) {
    Object.assign(this, { parall, people, seed, next: random(seed ^ 0x5bd1e995) });
    const more = Array.from({ length: PEOPLE - 2 }, (_, index) => `usr_person${index}`);
    for (const id of more) parall.addHuman({ id, name: `Person ${id}` });
    const chats = more.map((id) => parall.addChat({ type: "direct", members: [id, people.agent.id] }).id);
    this.direct = [["usr_ada", people.direct.ada], ["usr_ben", people.direct.ben], ...more.map((id, index) => [id, chats[index]])];
    this.root = parall.say({ from: "usr_ben", chat: people.group, text: "Thread", noReply: true }).id;
  }

  /** Asks up to `count` questions in all, with pauses that `next` decides. */
  askUntil(count, next) {
    this.#queue = this.#queue.then(async () => {
      while (this.asked < count) await this.ask(next() * 150);
    });
    return this.#queue;
  }

  async ask(pause) {
    if (pause > 0) await sleep(pause);
    const number = this.asked;
    this.asked += 1;
    const { people, parall } = this;
    const place = PLACES[Math.floor(this.next() * PLACES.length)];
    const [from, chat] = this.direct[Math.floor(this.next() * this.direct.length)];
    const words = question(number);
    const script = this.#script(number);
    const text = `${words} ${script}`;
    if (place === "task") parall.assignTask({ from: "usr_ben", to: people.agent.id, title: words, description: script });
    else if (place === "direct") parall.say({ from, chat, text });
    else {
      const thread = place === "thread" ? this.root : undefined;
      parall.say({ from: "usr_ada", chat: people.group, text, thread, mentions: [people.agent.id] });
    }
  }

  #script(number) {
    const milliseconds = Math.round(this.next() ** 2 * (this.next() < 0.1 ? LONG_THINKING : THINKING));
    if (plan(this.seed, number).kind === "silent") return `[[slow:${milliseconds}]] [[noreply]]`;
    return `[[slow:${milliseconds}]] [[say:answer ${number} part 0 of request-%n]]`;
  }
}

const journalOf = (host) => ({ stateDir: host.stateDir, accountId: "default" });

async function deadLetters(host) {
  const { dispatches } = await native.listQueue({ ...journalOf(host), limit: 1000 });
  return dispatches.filter(({ state }) => state === "dead");
}

/** Waits until everything is acknowledged or a dead letter, and no fork is left, or until nothing moves any more. */
async function settle(scene) {
  const { host } = scene;
  let least = Number.POSITIVE_INFINITY;
  let since = performance.now();
  while (performance.now() - since < PATIENCE) {
    if (!host.isRunning) throw new Error(`the gateway ended by itself\n${host.logs().slice(-4000)}`);
    const [dead, forks] = await Promise.all([deadLetters(host), native.listForks(journalOf(host))]).catch(() => [[], []]);
    const open = openDispatches(scene) - dead.length + forks.length;
    if (open === 0) return;
    if (open < least) [least, since] = [open, performance.now()];
    await sleep(200);
  }
}

/** The history that came with old requests is many times the size of everything else. */
function forget({ requests }) {
  for (const request of requests.slice(0, -REQUESTS_KEPT)) request.messages = [];
}
