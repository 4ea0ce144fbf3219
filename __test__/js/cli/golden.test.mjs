/** Every command, with what it prints for the seeded server. `UPDATE_GOLDEN=1` writes what is printed now. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { stage } from "./command.mjs";

const FILE = fileURLToPath(new URL("./golden/commands.json", import.meta.url));
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
  if (process.env.UPDATE_GOLDEN) writeFileSync(FILE, `${JSON.stringify(printed, undefined, 2)}\n`);
  assert.deepEqual(printed, JSON.parse(readFileSync(FILE, "utf8")));
});

/** Without what differs from run to run: new ids, times, the port. */
function neutral(json, origin) {
  const text = JSON.stringify(json)
    .replaceAll(origin, "ORIGIN")
    .replaceAll(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "TIME")
    .replaceAll(/(msg|tsk|cmt|att|cht)_[0-9A-Z]{10,}/g, "$1_NEW");
  return JSON.parse(text);
}
