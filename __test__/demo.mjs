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
async function conversation({ parall, people, model }) {
  const { direct, group, agent } = people;
  const ada = (text) => parall.say({ from: "usr_ada", chat: direct.ada, text });
  ada("Good morning! What do you need from me before the launch? [[say:Good morning Ada. The final price list, please.]]");
  await everythingAcknowledged(parall, 1);

  const root = parall.say({ from: "usr_ben", chat: group, text: "Thread for the launch checklist", noReply: true });
  const question = "Robin, which items are still open? [[say:Two: the press kit and the status page.]]";
  parall.say({ from: "usr_ben", chat: group, thread: root.id, mentions: [agent.id], text: question });
  parall.assignTask({ from: "usr_ben", to: agent.id, title: "Draft the press kit [[say:Here is a first draft of the press kit.]]" });
  await everythingAcknowledged(parall, 3);

  say("", "now the agent gets a long task, and Ben does not have to wait for it: a fork answers him");
  ada("Please compare all 400 supplier offers. [[hold:offers]] [[say:Compared. Three of them are worth a call.]]");
  await model.waitForRequest((request) => request.user.includes("supplier offers"), ANSWER_LIMIT);
  parall.say({
    from: "usr_ben",
    chat: direct.ben,
    text: "What did Ada have to send? [[say:The final price list, she was asked for it this morning.]]",
  });
  await everythingAcknowledged(parall, 4);
  say("", "Ben has his answer, and the long task still runs; now it ends");
  model.release("offers");
  await everythingAcknowledged(parall, 5);
  const count = await withTools(parall, ada, 5);
  ada("Thank you, that is all. [[noreply]]");
  await everythingAcknowledged(parall, count + 1);
  const { user } = model.requests.findLast((request) => request.user.includes("that is all"));
  say("", "this message reported to the agent what its fork had done meanwhile:");
  for (const line of readable(user.slice(user.indexOf("[Answered meanwhile"), user.lastIndexOf("[Event:")))
    .trim()
    .split("\n"))
    say("", `  ${line}`);
}

/** The agent looks a person up, writes to another chat, works on a task and proposes a change of a wiki. Returns the number of events. */
async function withTools(parall, ada, before) {
  say("", "now the agent uses its tools: it looks Ben up, writes to the group, works on a task, proposes a change of a wiki");
  parall.addWiki({ slug: "kb", name: "Handbook", files: { "launch.md": "# Launch\n\nThe press kit is missing.\n" } });
  const edits = [{ path: "launch.md", find: "is missing", replace: "is drafted" }];
  const steps = [
    ["Who is Ben?", "parall_read", { what: "person", of: "Ben" }, "Ben Okafor, a member of the organisation."],
    ["Tell the group that the press kit is drafted.", "parall_send", { to: "Launch", text: "The press kit is drafted." }, "They know."],
    ["Make a task for the status page.", "parall_task", { action: "create", title: "Set up the status page" }, "It is on the list."],
    ["Begin with it.", "parall_task", { action: "update", task: "Set up the status page", status: "in_progress" }, "I am on it."],
    ["Put the press kit into the handbook.", "parall_wiki", { wiki: "kb", title: "Press kit", edits }, "Proposed; Ben may merge it."],
  ];
  let count = before;
  for (const [text, tool, parameters, answer] of steps) {
    ada(`${text} [[tool:${tool} ${JSON.stringify(parameters)}]][[say:${answer}]]`);
    await everythingAcknowledged(parall, ++count);
  }
  const task = [...parall.store.tasks.values()].find(({ title }) => title === "Set up the status page");
  const [changeset] = parall.store.changesets.values();
  say("", `Parall holds the task "${task.title}" (${task.status}) and the changeset "${changeset.title}" (${changeset.status})`);
  return count;
}

function everythingAcknowledged(parall, count) {
  const done = () => parall.snapshot().dispatches.filter((dispatch) => dispatch.acknowledged_count > 0).length >= count;
  return parall.waitFor(() => done() || undefined, ANSWER_LIMIT, `the acknowledgement of ${count} events`);
}

/** Prints what happens on the Parall side as it happens. Returns the names of people and chats. */
function followTimeline({ parall, people }) {
  const snapshot = parall.snapshot();
  const names = new Map(snapshot.users.map((user) => [user.id, user.display_name.split(" ")[0]]));
  for (const chat of snapshot.chats) {
    const others = chat.members.filter((member) => member.user_id !== people.agent.id).map((member) => names.get(member.user_id));
    names.set(chat.id, chat.name ?? `direct chat with ${others.join(", ")}`);
  }
  const quoted = (text) => `"${readable(text)}"`;
  const place = (event) => `${names.get(event.chat)}${event.thread ? ", in a thread" : ""}`;
  const lines = {
    message: (event) => [
      event.from === people.agent.id ? "answer" : "message",
      `${names.get(event.from)} (${place(event)}): ${quoted(event.text)}`,
    ],
    task: (event) => ["task", `${names.get(event.by)} assigns to ${names.get(event.assignee)}: ${quoted(event.title)}`],
    comment: (event) => ["answer", `${names.get(event.by)} (comment on the task): ${quoted(event.text)}`],
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

/** A text without directives for the model. */
function readable(text) {
  return text.replaceAll(/\s*\[\[.*?\]\]/g, "");
}

function say(kind, text) {
  const seconds = ((performance.now() - begin) / 1000).toFixed(1).padStart(6);
  console.log(`${seconds} s  ${kind.padEnd(10)} ${text}`);
}
