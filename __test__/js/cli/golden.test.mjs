/** Every command, with what it prints for the seeded server. `UPDATE_GOLDEN=1` writes what is printed now. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { command, environment, stage } from "./command.mjs";

const COMMANDS = [
  "whoami",
  "members list",
  "agents list",
  "users get usr_ada",
  "users get ada",
  "users get me",
  "chats list",
  "chats list --limit 1",
  "chats list --scope archived",
  "chats get cht_Launch",
  "chats get launch",
  "chats members #Launch",
  "messages list cht_Launch",
  "messages list Launch --limit 1",
  "messages list Launch --top-level --all",
  "messages list Launch --since 2020-01-01 --before MESSAGE",
  "messages list Launch --after MESSAGE",
  "messages list Launch --thread-root-id MESSAGE",
  "messages get MESSAGE",
  "messages get prll://MESSAGE#a1",
  "messages replies MESSAGE",
  "messages send cht_Launch --text Hello",
  "messages send Launch --text Hello --thread-root-id MESSAGE --no-reply --idempotency-key k-1",
  "messages send Launch --text - --attach NOTES",
  "dm usr_ada --text Hello",
  "dm ben --text Hello --no-reply",
  "dm Kim --text Hello",
  "tasks list",
  "tasks list --status todo --assignee-id me --limit 1",
  "tasks list --project-id LP --creator-id ada --priority high --query pla --scope all --sort title --order asc --parent-id none",
  "tasks get TASK",
  "tasks get #1",
  "tasks get plan",
  "tasks create --title Write --assignee-id ben --project-id lp --description - --priority low --due-date 2026-12-24 --parent-id #1 --label-ids lbl_Urgent",
  "tasks update TASK --status in_progress",
  "tasks update #1 --title Replan --assignee-id none --due-date none --label-ids none",
  "tasks comments add TASK --body Done",
  "tasks comments add #1 --body-file NOTES",
  "tasks comments list TASK --limit 1",
  "tasks comments list TASK --all",
  "projects list",
  "projects get prj_Launch",
  "projects get launch",
];

test("every command prints what its golden document says, and nothing on standard error", async (context) => {
  const { parall, run } = await stage(context);
  parall.addAgent({ id: "usr_kim", name: "Kim" });
  const message = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "When?" });
  parall.say({ from: "usr_ben", chat: "cht_Launch", text: "Soon", thread: message.id });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Plan", priority: "high", project_id: "prj_Launch" });
  const notes = fileURLToPath(new URL("./golden/notes.txt", import.meta.url));
  const places = { MESSAGE: message.id, TASK: task.id, NOTES: notes };
  const printed = {};
  for (const line of COMMANDS) {
    const words = line.split(" ").map((word) => word.replace(/MESSAGE|TASK|NOTES/, (place) => places[place]));
    const { code, json, err } = await run(words, { input: "From standard input\n" });
    assert.deepEqual([code, err], [0, ""], line);
    printed[line] = neutral(json, parall.url);
  }
  assertGolden("commands", printed);
});

/** Lines of `parall wiki`, and between them what happens here and on the server. */
const WIKI_STEPS = [
  "wiki list",
  "wiki tree kb",
  "wiki tree Knowledge --path guide",
  "wiki sync kb --workspace FOLDER",
  "wiki status kb",
  ({ write }) => write({ "a.md": "mine\n", "new.md": "new\n" }),
  ({ parall }) => parall.editWiki({ wiki: "kb", write: { "a.md": "theirs\n", "c.md": "c\n" }, remove: ["guide/b.md"] }),
  "wiki status kb",
  "wiki diff kb",
  "wiki sync",
  "wiki status kb",
  ({ write }) => write({ "a.md": "both\n" }),
  "wiki changeset create kb --title Better",
  "wiki changeset list kb --limit 1",
  "wiki changeset list kb --status merged --all",
  "wiki changeset show CHANGESET kb",
  "wiki changeset diff CHANGESET kb",
  ({ parall, changeset }) => parall.decideChangeset({ wiki: "kb", changeset: changeset(), feedback: "Not yet" }),
  "wiki changeset show CHANGESET kb",
  "wiki changeset create kb --update CHANGESET",
  ({ parall, changeset }) => parall.decideChangeset({ wiki: "kb", changeset: changeset() }),
  "wiki sync kb",
  "wiki log kb --all",
  ({ write }) => write({ "a.md": "oops\n", "junk.md": "junk\n" }),
  "wiki reset kb",
  "wiki status kb",
];

test("every command on wikis prints what its golden document says, and nothing on standard error", async (context) => {
  const { parall } = await stage(context);
  parall.addWiki({ slug: "kb", name: "Knowledge", files: { "a.md": "a\n", "guide/b.md": "b\n", "x.bin": { base64: "AAE=" } } });
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "parall-golden-")));
  context.after(() => rmSync(folder, { recursive: true }));
  const changeset = () => parall.store.changesets.keys().next().value;
  const write = (files) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, "kb", name), text);
  };
  const printed = [];
  for (const step of WIKI_STEPS) {
    if (typeof step === "function") {
      step({ parall, write, changeset });
      continue;
    }
    const words = step.split(" ").map((word) => ({ CHANGESET: changeset(), FOLDER: folder })[word] ?? word);
    const { code, json, err } = await command(words, { env: environment(parall.url), cwd: folder });
    assert.deepEqual([code, err], [0, ""], step);
    printed.push([step, neutral(json, parall.url, folder)]);
  }
  assertGolden("wiki", printed);
});

function assertGolden(name, printed) {
  const file = fileURLToPath(new URL(`./golden/${name}.json`, import.meta.url));
  if (process.env.UPDATE_GOLDEN) writeFileSync(file, `${JSON.stringify(printed, undefined, 2)}\n`);
  assert.deepEqual(printed, JSON.parse(readFileSync(file, "utf8")));
}

/** Without what differs from run to run: new ids, times, versions, the port, the folder. */
function neutral(json, origin, folder = "/nowhere") {
  const text = JSON.stringify(json)
    .replaceAll(origin, "ORIGIN")
    .replaceAll(folder, "FOLDER")
    .replaceAll(/"v(\d+)-[0-9a-f]{12}"/g, '"VERSION $1"')
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.-]+Z/g, "TIME")
    .replaceAll(/(msg|tsk|cmt|att|cht|wik|chg|wop|fbk)_[0-9A-Z]{10,}/g, "$1_NEW");
  return JSON.parse(text);
}
