/** What a storm on a real host must not have done. Every finding is a sentence; without findings all is well. */
import { readdirSync } from "node:fs";
import path from "node:path";
import { readLedger } from "../crash/ledger.mjs";
import { partOf, plan } from "../crash/script.mjs";
import { disordered, doubled, early, lost } from "../crash/verdict.mjs";
import { native } from "../support.mjs";
import { sessionsOf } from "./host-sessions.mjs";
import { answers } from "./scene.mjs";
import { journalOf } from "./storm.mjs";

/** The account's session. */
const MAIN = "agent:main:parall:default-usr_agent";
/** Files that are there for a moment; the lock of an account stays. */
const PASSING = /lock|tmp|new/;
const OWN = ["default.lock", "tmp"];

/**
 * @param {object} scene after the storm, with the gateway stopped
 * @param {{ seed: number, asked: number }} storm
 */
export async function judgeHost(scene, { seed, asked }) {
  const questions = await readLedger(scene.stateFile);
  const sessions = sessionsOf(scene.host);
  const said = [...answers(scene).map(({ content }) => content.text), ...comments(scene).map(({ body }) => body)];
  return {
    lost: [...lost(questions, asked), ...unanswered(questions, seed)],
    doubled: doubled(questions),
    misplaced: misplaced(scene, questions),
    disordered: disordered(questions),
    early: early(questions),
    strange: said.filter((text) => partOf(text) === undefined),
    orphans: await orphans(scene.host, sessions),
    leftovers: leftovers(scene.host),
    broken: sessions.broken,
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

/** An answer belongs into the chat, the thread or the task of its question. */
function misplaced(scene, questions) {
  const places = [...questions].flatMap(([number, { place, parts }]) =>
    parts.some(({ where }) => where !== place) ? [`question ${number} was answered in another place`] : [],
  );
  const threads = new Map();
  for (const { content, thread_root_id: thread } of scene.parall.messages()) {
    const number = partOf(content.text)?.number ?? /^question (\d+) /.exec(content.text)?.[1];
    if (number === undefined) continue;
    if (!threads.has(`${number}`)) threads.set(`${number}`, thread);
    else if (threads.get(`${number}`) !== thread) places.push(`question ${number} was answered in another thread`);
  }
  return places;
}

const comments = ({ parall, people }) => [...parall.store.comments.values()].filter(({ author_id: author }) => author === people.agent.id);

/** What forks may leave: in our journal, in the host's store, among its transcripts and beside them. */
async function orphans(host, { keys, strays }) {
  const forks = await native.listForks(journalOf(host));
  return [...forks.map(({ sessionKey }) => `${sessionKey} in the journal`), ...keys.filter((key) => key !== MAIN), ...strays];
}

/** Locks and temporary files of ours. */
function leftovers({ stateDir }) {
  const files = [...readdirSync(path.join(stateDir, "parall")), ...readdirSync(stateDir)];
  return files.filter((name) => PASSING.test(name) && !OWN.includes(name));
}

/** The host still has all of it: the last question is asked with what main answered before. */
function forgotten({ model }) {
  const last = model.requests.findLast(({ user }) => user.includes("question "));
  return last.messages.some(({ role, text }) => role === "assistant" && partOf(text))
    ? []
    : ["the last question was asked without history"];
}
