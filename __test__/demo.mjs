#!/usr/bin/env node
/**
 * `npm run demo`: two people write to an agent in two chats, and a real OpenClaw with this plugin answers. Everything runs on
 * this machine: the Parall server and the model are the ones of the tests. Ends by itself.
 */
import { closeScene, openScene, startScene } from "./hosts/scene.mjs";
import { HOST_VERSIONS } from "./hosts/versions.mjs";

const ANSWER_LIMIT = 120_000;
const release = HOST_VERSIONS.at(-1);
const begin = performance.now();

say("", `OpenClaw ${release.version}, a Parall server and a scripted model, all on this machine`);
say("setup", "installing the packed plugin into a fresh OpenClaw (the first time downloads the host, about 800 MB)");
const scene = await openScene(release);
let failed = false;
try {
  const { code, out, err } = scene.installation;
  if (code !== 0) throw new Error(`the plugin could not be installed:\n${out}\n${err}`);
  say("setup", "starting the gateway");
  const names = followTimeline(scene);
  await startScene(scene);
  say("connected", `${names.get(scene.people.agent.id)} is a member of ${scene.people.org}`);
  await conversation(scene);
  const { dispatches } = scene.parall.snapshot();
  const open = dispatches.filter((dispatch) => dispatch.acknowledged_count === 0).length;
  say("", `${dispatches.length} events, ${dispatches.length - open} answered and acknowledged, ${open} open`);
  failed = open > 0;
} catch (error) {
  failed = true;
  console.error(error.message);
} finally {
  await closeScene(scene);
}
say("", failed ? "something went wrong" : "done");
process.exit(failed ? 1 : 0);

/** What the two people say, and what has to come back. */
async function conversation({ parall, people }) {
  const { direct, group, agent } = people;
  parall.say({
    from: "usr_ada",
    chat: direct.ada,
    text: "Good morning! What do you need from me before the launch? [[say:Good morning Ada. The final price list, please.]]",
  });
  const root = parall.say({ from: "usr_ben", chat: group, text: "Thread for the launch checklist", noReply: true });
  parall.say({
    from: "usr_ben",
    chat: group,
    thread: root.id,
    mentions: [agent.id],
    text: "Robin, which items are still open? [[say:Two: the press kit and the status page.]]",
  });
  parall.assignTask({ from: "usr_ben", to: agent.id, title: "Draft the press kit [[say:On it: the draft is in the wiki.]]" });
  await everythingAcknowledged(parall, 3);
  parall.say({ from: "usr_ada", chat: direct.ada, text: "Thank you, that is all. [[noreply]]" });
  await everythingAcknowledged(parall, 4);
}

function everythingAcknowledged(parall, count) {
  const done = () => parall.snapshot().dispatches.filter((dispatch) => dispatch.acknowledged_count > 0).length >= count;
  return parall.waitFor(() => done() || undefined, ANSWER_LIMIT, `the acknowledgement of ${count} events`);
}

/** Prints what happens on the Parall side as it happens. Returns the names of people and chats. */
function followTimeline({ parall, people }) {
  const snapshot = parall.snapshot();
  const names = new Map(snapshot.users.map((user) => [user.id, user.display_name.split(" ")[0]]));
  for (const chat of snapshot.chats) names.set(chat.id, chat.name ?? "direct chat");
  const readable = (text) => `"${text.replaceAll(/\s*\[\[.*?\]\]/g, "")}"`;
  const place = (event) => `${names.get(event.chat)}${event.thread ? ", in a thread" : ""}`;
  const lines = {
    message: (event) => [
      event.from === people.agent.id ? "answer" : "message",
      `${names.get(event.from)} (${place(event)}): ${readable(event.text)}`,
    ],
    task: (event) => ["task", `${names.get(event.by)} assigns to ${names.get(event.assignee)}: ${readable(event.title)}`],
    comment: (event) => ["answer", `${names.get(event.by)} (comment on the task): ${readable(event.text)}`],
    received: (event) => ["received", `the agent begins with ${event.source}`],
    acknowledged: (event) => ["done", `${event.source} is acknowledged`],
  };
  const { journal } = parall;
  const record = journal.event.bind(journal);
  journal.event = (event, detail) => {
    record(event, detail);
    const line = lines[event]?.(detail);
    if (line) say(...line);
  };
  return names;
}

function say(kind, text) {
  const seconds = ((performance.now() - begin) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds} s  ${kind.padEnd(10)} ${text}`);
}
