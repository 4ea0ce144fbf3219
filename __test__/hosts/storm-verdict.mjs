/** What a storm on a real host must not have done. Every finding is a sentence; without findings all is well. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { readLedger } from "../crash/ledger.mjs";
import { numberOf, partOf, plan } from "../crash/script.mjs";
import { disordered, doubled, early, lost } from "../crash/verdict.mjs";
import { sessionsOf } from "./host-sessions.mjs";
import { answers } from "./scene.mjs";

/** The account's session. */
const MAIN = "agent:main:parall:default-usr_agent";
/** Files that are there for a moment; the lock of an account stays. */
const PASSING = /lock|tmp|new/;
const OWN = ["default.lock", "tmp"];
/** What newer hosts write beside their files first, and leave when they are killed then. */
const OF_THE_HOST = /^\.fs-safe-/;

/**
 * @param {object} scene after the storm, with the gateway stopped
 * @param {{ seed: number, asked: number, dead: string[], forks: { sessionKey: string }[] }} storm `dead`: dispatches that were given
 *   up and tried again, which no order holds for; `forks`: those in the journal
 */
export async function judgeHost(scene, { seed, asked, dead, forks }) {
  const questions = await readLedger(scene.stateFile);
  const inOrder = new Map([...questions].filter(([, { dispatch }]) => !dead.includes(dispatch)));
  const { keys, strays, broken } = sessionsOf(scene.host);
  const said = [...answers(scene).map(({ content }) => content.text), ...comments(scene).map(({ body }) => body)];
  return {
    lost: [...lost(questions, asked), ...unanswered(questions, seed)],
    doubled: doubled(questions),
    misplaced: [...misplaced(questions), ...strayed(scene)],
    disordered: disordered(inOrder),
    early: early(questions),
    strange: said.filter((text) => partOf(text) === undefined),
    orphans: [...forks.map(({ sessionKey }) => `${sessionKey} in the journal`), ...keys.filter((key) => key !== MAIN), ...strays],
    leftovers: leftovers(scene.host),
    broken,
    forgotten: forgotten(scene),
  };
}

function unanswered(questions, seed) {
  return [...questions].flatMap(([number, { dispatch, parts, acknowledgedAt }]) => {
    if (acknowledgedAt === undefined) return [`question ${number} (${dispatch}) is open`];
    const isSilent = plan(seed, number).kind === "silent";
    if (parts.length === 0 && !isSilent) return [`question ${number} (${dispatch}) has no answer`];
    return parts.length > 0 && isSilent ? [`question ${number} (${dispatch}) was to have no answer`] : [];
  });
}

/** An answer belongs into the chat or the task of its question ... */
function misplaced(questions) {
  return [...questions].flatMap(([number, { place, parts }]) =>
    parts.some(({ where }) => where !== place) ? [`question ${number} was answered in another place`] : [],
  );
}

/** ... and into its thread. */
function strayed({ parall }) {
  const threads = new Map();
  return parall.messages().flatMap(({ content, thread_root_id: thread }) => {
    const part = partOf(content.text);
    if (part === undefined) threads.set(numberOf(content.text), thread);
    return part === undefined || threads.get(part.number) === thread ? [] : [`question ${part.number} was answered in another thread`];
  });
}

const comments = ({ parall, people }) => [...parall.store.comments.values()].filter(({ author_id: author }) => author === people.agent.id);

/** Locks and temporary files of ours. */
function leftovers({ stateDir }) {
  const files = [...readdirSync(path.join(stateDir, "parall")), ...readdirSync(stateDir)];
  return files.filter((name) => PASSING.test(name) && !OWN.includes(name) && !OF_THE_HOST.test(name));
}

/** The host still has all of it: the last question is asked with what main answered before. */
function forgotten({ model }) {
  const last = model.requests.findLast(({ user }) => user.includes("question "));
  return last.messages.some(({ role, text }) => role === "assistant" && partOf(text))
    ? []
    : ["the last question was asked without history"];
}
