/** What published clients of the real server ask for, and what the local server used to answer differently. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Probe } from "../../server/probe.js";
import { LocalParall } from "../../server/server.js";

let parall;
let ada;
let agent;
let task;
let part;
let message;

before(async () => {
  parall = await LocalParall.start();
  parall.seed();
  agent = new Probe(parall.url, "key_agent");
  ada = new Probe(parall.url, "key_ada");
  message = parall.say({ from: "usr_ben", chat: "cht_Launch", text: "See prll://usr_ada", mentions: ["usr_ada"] });
  parall.say({ from: "usr_agent", chat: "cht_Launch", text: "Seen", thread: message.id });
  task = parall.assignTask({
    from: "usr_ada",
    to: "usr_agent",
    title: "Plan",
    description: `as in prll://${message.id}`,
    project_id: "prj_Launch",
  });
  part = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Part", parent_id: task.id, label_ids: ["lbl_Urgent"] });
  parall.comment({ from: "usr_ben", task: task.id, text: "Good" });
});
after(() => parall.close());

describe("every read of the known clients is answered in its shape", () => {
  const list = (body) => assert.ok(Array.isArray(body.data), JSON.stringify(body));
  const object = (body) => assert.ok(body.id ?? body.user_id ?? body.agent_user_id, JSON.stringify(body));
  const has =
    (...keys) =>
    (body) => {
      for (const key of keys) assert.ok(key in body, `${key} in ${JSON.stringify(body)}`);
    };
  const reads = [
    ["/users/me", object],
    ["/orgs", list],
    ["~", object],
    ["~/members", list],
    ["~/members/former", has("user_ids")],
    ["~/members/usr_ben/profile", object],
    ["~/members/usr_agent/chats?limit=50", list],
    ["~/members/usr_agent/tasks?limit=50", list],
    ["~/chats?limit=50&scope=all", list],
    ["~/chats/discoverable?q=x&limit=5", list],
    ["~/chats/cht_Launch", object],
    ["~/chats/cht_Launch/members", list],
    ["~/chats/cht_Launch/messages?limit=50&top_level=true", list],
    ["~/chats/cht_Launch/messages?since=2020-01-01", list],
    [() => `/messages/${message.id}`, object],
    [() => `/messages/${message.id}/replies?limit=20`, list],
    [() => `/messages/${message.id}/watchers`, list],
    [() => `/messages/${message.id}/watching`, has("watching")],
    ["~/agents", list],
    ["~/agents/usr_agent/instructions", object],
    ["~/agents/usr_agent/manager", object],
    ["~/agents/usr_agent/tasks", list],
    ["~/agents/usr_agent/activity?limit=5", list],
    ["~/agents/usr_agent/monitor", (body) => has("online", "status", "session_id", "last_heartbeat_at", "telemetry")(body.data)],
    ["~/agents/usr_agent/sessions?status=open,active,idle&limit=20", list],
    ["~/tasks?sort=created_at&order=desc&limit=50&scope=active", list],
    ["~/tasks?parent_id=null", list],
    [() => `~/tasks/${task.id}`, object],
    [() => `~/tasks/${task.id}/subtasks?limit=50&sort=created_at&order=asc`, list],
    [() => `~/tasks/${task.id}/watchers`, list],
    [() => `~/tasks/${task.id}/relations`, list],
    ["~/tasks/subtask-summary?assignee_id=usr_agent", list],
    [() => `~/task-relations?target_type=message&target_id=${message.id}`, list],
    ["~/projects", list],
    ["~/projects/library", list],
    ["~/projects/task-summary", has("workspace_counts", "projects")],
    ["~/projects/prj_Launch", object],
    ["~/projects/prj_Launch/members", list],
    ["~/projects/prj_Launch/readers", list],
    ["~/projects/prj_Launch/join-requests", list],
    ["~/inbox?limit=50&type=mention,reply", list],
    ["~/inbox/unread-count", has("count")],
  ];
  for (const [path, check] of reads) {
    test(String(path), async () => {
      const { status, body } = await ada.get(typeof path === "function" ? path() : path);
      assert.equal(status, 200, JSON.stringify(body));
      check(body);
    });
  }
});

describe("what is read says what happened", () => {
  test("parts, relations, watchers and mentions", async () => {
    const ids = async (path) => (await ada.get(path)).body.data.map((one) => one.id ?? one.user_id);
    assert.deepEqual(await ids(`~/tasks/${task.id}/subtasks`), [part.id]);
    assert.deepEqual((await ada.get("~/tasks/subtask-summary")).body.data, [{ task_id: task.id, total: 1, done: 0 }]);
    const relation = { task_id: task.id, target_type: "message", target_id: message.id, relation_type: "references" };
    const [{ id, ...found }] = (await ada.get(`~/task-relations?target_type=message&target_id=${message.id}`)).body.data;
    assert.match(id, /^rel_/);
    assert.deepEqual(found, relation);
    assert.deepEqual(await ids(`~/tasks/${task.id}/watchers`), ["usr_ada", "usr_ben"]);
    const [mention] = (await ada.get("~/inbox")).body.data;
    assert.deepEqual(
      [mention.type, mention.actor_id, mention.entity_id, mention.chat_id],
      ["mention", "usr_ben", message.id, "cht_Launch"],
    );
    assert.equal((await ada.get("~/inbox/unread-count")).body.count, 1);
    assert.deepEqual((await ada.get("~/inbox?read=true")).body.data, []);
    assert.equal((await agent.get(`/messages/${message.id}/watching`)).body.watching, true);
    assert.equal((await agent.get("~/inbox")).status, 404);
    assert.equal((await agent.get("~/projects/task-summary")).body.projects[0].status_counts.todo, 1);
  });

  test("chats, agents and members hold every field that is known", async () => {
    const { body: chat } = await agent.get("~/chats/cht_Launch");
    assert.equal(chat.last_message_preview, "Seen");
    assert.equal(chat.last_message_sender, "usr_agent");
    assert.deepEqual([chat.pinned, chat.hidden, chat.my_notification_level], [false, false, "all"]);
    assert.equal((await agent.get("~/agents/me")).body.org_id, "org_demo");
    assert.equal((await agent.get("~/agents")).body.data[0].org_id, "org_demo");
    assert.equal((await agent.get("~/members")).body.data[0].onboarding_dismissed, true);
  });
});

describe("lists are filtered as they are asked", () => {
  const titles = async (query) => (await ada.get(`~/tasks?${query}`)).body.data.map(({ title }) => title);

  test("tasks by label, scope and order", async () => {
    assert.deepEqual(await titles("label_ids=lbl_Urgent"), ["Part"]);
    assert.deepEqual(await titles("sort=title&order=asc"), ["Part", "Plan"]);
    assert.deepEqual(await titles("sort=title&order=desc"), ["Plan", "Part"]);
    assert.equal((await ada.get("~/tasks?sort=secret")).status, 400);
    const old = parall.assignTask({ from: "usr_ada", to: "usr_ada", title: "Old" });
    parall.archive({ task: old.id });
    assert.deepEqual(await titles("sort=title&order=asc"), ["Part", "Plan"]);
    assert.deepEqual(await titles("scope=archived"), ["Old"]);
    assert.deepEqual(await titles("scope=all&sort=title&order=asc"), ["Old", "Part", "Plan"]);
  });

  test("chats by scope; public ones of others can be found", async () => {
    parall.addChat({ id: "cht_Old", name: "Old", members: ["usr_ada"] });
    parall.archive({ chat: "cht_Old" });
    const ids = async (query) => (await ada.get(`~/chats?${query}`)).body.data.map(({ id }) => id);
    assert.ok(!(await ids("")).includes("cht_Old"));
    assert.deepEqual(await ids("scope=archived"), ["cht_Old"]);
    parall.addChat({ id: "cht_Open", name: "Open", visibility: "public", members: ["usr_ben"] });
    const open = { id: "cht_Open", name: "Open", description: null, visibility: "public", member_count: 1 };
    assert.deepEqual((await ada.get("~/chats/discoverable?q=ope")).body.data, [open]);
  });
});

describe("what cannot be is refused, by name", () => {
  const change = (body) => ada.call("PATCH", `~/tasks/${task.id}`, body);
  for (const [field, body] of [
    ["part of itself", () => ({ parent_id: task.id })],
    ["parent_id", () => ({ parent_id: "tsk_none" })],
    ["due_date", () => ({ due_date: "2026-02-30" })],
    ["due_date", () => ({ due_date: "soon" })],
    ["label_ids", () => ({ label_ids: ["lbl_none"] })],
    ["title", () => ({ title: "  " })],
    ["assignee_id", () => ({ assignee_id: "usr_none" })],
  ]) {
    test(`${field}: ${body}`, async () => {
      const { status, body: answer } = await change(body());
      assert.equal(status, 422);
      assert.match(answer.error.message, new RegExp(field));
    });
  }

  test("a project that is not there and a blank comment", async () => {
    assert.equal((await ada.post("~/tasks", { title: "x", project_id: "prj_none" })).status, 422);
    assert.equal((await ada.post("~/comments", { target_uri: `prll://${task.id}`, body: " \n" })).status, 422);
  });
});

describe("writes of the known clients", () => {
  test("the same key with other hints is the same message", async () => {
    const body = { message_type: "text", content: { text: "once" }, idempotency_key: "k-1" };
    const first = await agent.post("~/chats/cht_Launch/messages", body);
    const again = await agent.post("~/chats/cht_Launch/messages", { ...body, hints: { no_reply: true } });
    assert.deepEqual([first.status, again.status, again.body.id], [201, 200, first.body.id]);
    const other = await agent.post("~/chats/cht_Launch/messages", { ...body, content: { text: "twice" } });
    assert.equal(other.status, 409);
  });

  test("an owner makes an agent, renames it, gives it a key and puts it into a chat", async () => {
    const made = await ada.post("~/agents", { display_name: "Kim", runtime_type: "codex", model_management: "self" });
    assert.equal(made.status, 201);
    const { user, api_key: key } = made.body;
    assert.equal((await new Probe(parall.url, key).get("~/agents/me")).body.id, user.id);
    assert.equal((await ada.call("PATCH", `~/agents/${user.id}`, { display_name: "Kim B" })).body.display_name, "Kim B");
    const second = await ada.post(`~/agents/${user.id}/api-keys`, {});
    assert.equal((await new Probe(parall.url, second.body.api_key).get("~/agents/me")).body.display_name, "Kim B");
    assert.equal((await ada.post("~/chats/cht_Launch/members", { user_id: user.id })).status, 201);
    assert.equal((await new Probe(parall.url, key).get("~/chats/cht_Launch")).status, 200);
    assert.equal((await agent.post("~/agents", { display_name: "x" })).status, 403);
  });

  test("a direct chat of the same two is made once", async () => {
    const [{ id }] = (await ada.get("~/members")).body.data
      .filter(({ user }) => user.display_name === "Ben Okafor")
      .map(({ user }) => user);
    const first = await ada.post("~/chats", { type: "direct", member_ids: [id] });
    const again = await ada.post("~/chats", { type: "direct", member_ids: [id] });
    assert.deepEqual([first.status, again.status, again.body.id], [201, 200, first.body.id]);
    assert.equal((await ada.post("~/chats", { type: "direct", member_ids: ["usr_none"] })).status, 404);
  });

  test("an attachment names its whole address", async () => {
    const file = parall.say({ from: "usr_ada", chat: "cht_Launch", attachments: [{ file_name: "a.txt", content: "abc" }] }).attachments[0];
    assert.ok(file.url.startsWith(parall.url), file.url);
    assert.equal(await (await fetch(file.url, { headers: { authorization: "Bearer key_ada" } })).text(), "abc");
  });
});
