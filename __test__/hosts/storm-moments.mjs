/** When a gateway is killed: in the middle of whatever it may be doing. */
import { setTimeout as sleep } from "node:timers/promises";
import { answers, openDispatches } from "./scene.mjs";

/** What may be in progress, by how often that is chosen. */
const MOMENTS = ["start", "start", "connected", "turn", "turn", "fork", "fork", "delivered", "delivered", "acknowledged", "idle"];
/** How many dispatches are acknowledged before, at most. */
const MOST_DONE = 6;
/** How long each of these is waited for, a gateway to connect, and the first answer after its start. Milliseconds. */
const PATIENCE = 4_000;
const CONNECTION_LIMIT = 180_000;
const FIRST_LIMIT = 60_000;

/**
 * @param {object} scene with the gateway launched
 * @param {{ next: () => number, startUp: number, connected: () => boolean, bait: () => Promise<void> }} options `startUp`: how
 *   long a start takes; `bait` asks something more, so that there is something to do
 * @returns {Promise<string>} the moment's name
 */
export async function waitForMoment(scene, { next, startUp, connected, bait }) {
  const moment = MOMENTS[Math.floor(next() * MOMENTS.length)];
  const [done, late] = [Math.floor(next() * MOST_DONE), next()];
  if (moment === "start") {
    await sleep(late * startUp * 1.2);
    return moment;
  }
  await scene.host.until("the plugin connects", connected, CONNECTION_LIMIT);
  if (moment === "connected") {
    await sleep(late * 1000);
    return moment;
  }
  // What is killed five times becomes a dead letter, so a life that is not cut off at its start gets something done.
  await acknowledgements(scene, 1, FIRST_LIMIT);
  await acknowledgements(scene, done);
  const coming = MOMENT[moment](scene, late);
  await bait();
  return (await coming) ? moment : `${moment}, which did not come`;
}

/** Each is prepared before something more is asked, resolves when it has come, and says whether it did. */
const MOMENT = {
  turn: async (scene, late) => (await comes(scene.model, () => running(scene) > 0)) && after(late * 500),
  fork: async (scene, late) => (await comes(scene.model, () => running(scene) > 1)) && after(late * 300),
  delivered: async (scene, late) => (await oneMore(scene)) && after(late * 30),
  acknowledged: async (scene, late) => (await acknowledgements(scene, 1)) && after(late * 10),
  idle: async (scene, late) => (await comes(scene.parall.journal, () => openDispatches(scene) === 0)) && after(late * 500),
};

/** Model requests that wait for their answer. */
function running({ model }) {
  return model.requests.slice(-20).filter((request) => request.answer === undefined && !request.gone).length;
}

/** The agent says something. */
function oneMore(scene) {
  const before = answers(scene).length;
  return comes(scene.parall.journal, () => answers(scene).length > before);
}

/** So many dispatches are acknowledged, or all that there are. */
function acknowledgements(scene, count, limit) {
  const acknowledged = () => scene.parall.store.dispatches.size - openDispatches(scene);
  const before = acknowledged();
  return comes(scene.parall.journal, () => acknowledged() - before >= count || openDispatches(scene) === 0, limit);
}

const comes = (waiting, is) =>
  waiting
    .waitFor(() => is() || undefined, PATIENCE)
    .then(
      () => true,
      () => false,
    );

const after = (milliseconds) => sleep(milliseconds, true);
