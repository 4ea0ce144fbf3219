import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { openSocket, Probe } from "../../server/probe.js";
import { LocalParall } from "../../server/server.js";

const TIMEOUT = 10_000;
let parall;
let agent;
let ada;
let sockets;

async function start(options) {
  await parall?.close();
  parall = await LocalParall.start(options);
  parall.seed();
  agent = new Probe(parall.url, "key_agent");
  ada = new Probe(parall.url, "key_ada");
}

async function connect(options) {
  const socket = await agent.connect(options);
  sockets.push(socket);
  return socket;
}

beforeEach(async () => {
  sockets = [];
  await start();
});
afterEach(async () => {
  for (const socket of sockets) socket.close();
  await parall.close();
  parall = undefined;
});

const say = (text = "Hello", options) => parall.say({ from: "usr_ada", chat: "cht_Ada", text, ...options });
const inbox = async () => (await agent.get("~/dispatch")).body.data;

describe("requests", () => {
  test("need a key that is known and not revoked", async () => {
    assert.equal((await new Probe(parall.url, "key_other").get("~/agents/me")).status, 401);
    assert.equal((await fetch(`${parall.url}/api/v1/orgs/org_demo/agents/me`)).status, 401);
    assert.equal((await agent.get("~/agents/me")).body.id, "usr_agent");
    const socket = await connect();
    parall.revokeKey("usr_agent");
    assert.equal((await socket.end()).code, 4401);
    assert.equal((await agent.get("~/agents/me")).status, 401);
  });

  test("see only the caller's organisations and chats", async () => {
    parall.addOrg({ id: "org_other", name: "Other" });
    parall.addChat({ id: "cht_Secret", members: ["usr_ada", "usr_ben"] });
    assert.equal((await agent.get("/orgs/org_other/agents/me")).status, 404);
    assert.equal((await agent.get("~/chats/cht_Secret")).status, 404);
    const secret = parall.say({ from: "usr_ada", chat: "cht_Secret", text: "psst" });
    assert.equal((await agent.get(`/messages/${secret.id}`)).status, 404);
    assert.deepEqual(
      (await agent.get("~/chats")).body.data.map((chat) => chat.id),
      ["cht_Ada", "cht_Ben", "cht_Launch"],
    );
    assert.equal((await ada.get("~/agents/me")).status, 404);
  });

  test("read people, organisations, agents, chats and projects", async () => {
    assert.equal((await ada.get("/users/me")).body.display_name, "Ada Weber");
    assert.deepEqual(
      (await ada.get("/orgs")).body.data.map(({ id, role }) => [id, role]),
      [["org_demo", "owner"]],
    );
    assert.equal((await ada.get("~/members")).body.data.length, 3);
    assert.deepEqual(
      (await ada.get("~/agents")).body.data.map(({ id }) => id),
      ["usr_agent"],
    );
    assert.equal((await agent.get("~/members/usr_agent/chats")).body.data.length, 3);
    assert.deepEqual(
      (await agent.get("~/members/usr_ada/chats")).body.data.map(({ id }) => id),
      ["cht_Ada", "cht_Launch"],
    );
    assert.equal((await agent.get("~/chats/cht_Ada")).body.type, "direct");
    assert.equal((await agent.get("~/chats/cht_Launch/members")).body.data.length, 3);
    assert.equal((await agent.get("~/projects")).body.data[0].id, "prj_Launch");
  });

  test("refuse bodies that are not JSON objects, malformed paths and unknown routes", async () => {
    assert.equal((await agent.call("POST", "~/tasks", undefined, { body: "{" })).status, 400);
    assert.equal((await agent.call("POST", "~/tasks", undefined, { body: "[]" })).status, 400);
    assert.equal((await agent.get("/messages/%ff")).status, 400);
    assert.equal((await agent.get("/nowhere")).status, 404);
  });
});

describe("messages", () => {
  test("are posted once for one idempotency key", async () => {
    const first = await agent.send("cht_Ada", "Hi", { idempotency_key: "k1" });
    const again = await agent.send("cht_Ada", "Hi", { idempotency_key: "k1" });
    const other = await agent.send("cht_Ada", "Ho", { idempotency_key: "k1" });
    const elsewhere = await agent.send("cht_Ben", "Hi", { idempotency_key: "k1" });
    assert.deepEqual([first.status, again.status, other.status, elsewhere.status], [201, 200, 409, 201]);
    assert.equal(again.body.id, first.body.id);
    assert.equal(parall.messages("cht_Ada").length, 1);
    assert.equal(parall.snapshot().idempotency_hits, 1);
  });

  test("with a reserved key, a wrong type or nothing in them are refused", async () => {
    assert.equal((await agent.send("cht_Ada", "Hi", { idempotency_key: "reply:dsp_1" })).body.error.code, "RESERVED_IDEMPOTENCY_KEY");
    assert.equal((await agent.send("cht_Ada", "Hi", { idempotency_key: "task_update:1" })).status, 400);
    assert.equal((await agent.send("cht_Ada", "Hi", { message_type: "poll" })).status, 422);
    assert.equal((await agent.send("cht_Ada", "")).status, 422);
    assert.equal((await agent.send("cht_Ada", "Hi", { thread_root_id: "msg_none" })).status, 422);
    assert.equal(parall.messages().length, 0);
  });

  test("are listed newest first in pages, oldest first after an id, by thread and by time", async () => {
    const [one, two, three] = ["1", "2", "3"].map((text) => say(text).id);
    const reply = say("reply", { thread: two }).id;
    const ids = async (query) => (await agent.get(`~/chats/cht_Ada/messages?${query}`)).body.data?.map(({ id }) => id);
    assert.deepEqual(await ids("limit=2"), [reply, three]);
    assert.deepEqual(await ids(`before=${three}`), [two, one]);
    assert.deepEqual(await ids(`after=${one}&limit=2`), [two, three]);
    assert.deepEqual(await ids(`thread_root_id=${two}`), [reply]);
    assert.deepEqual(await ids("top_level=true"), [three, two, one]);
    assert.deepEqual(await ids("since=2999-01-01"), []);
    assert.equal((await agent.get(`~/chats/cht_Ada/messages?before=${one}&after=${two}`)).status, 400);
    const replies = (await agent.get(`/messages/${two}/replies?limit=1`)).body;
    assert.deepEqual([replies.data.map(({ id }) => id), replies.has_more, "next_cursor" in replies], [[reply], true, false]);
  });

  test("carry uploaded files, put without a token", async () => {
    const { attachment_id: id, upload_url: url } = (
      await agent.post("~/upload/presign", { file_name: "a.txt", file_size: 3, mime_type: "text/plain" })
    ).body;
    assert.equal((await agent.send("cht_Ada", "", { attachment_ids: [id] })).status, 422);
    assert.equal((await agent.post("~/upload/complete", { attachment_id: id })).status, 409);
    assert.equal(
      (await fetch(url, { method: "PUT", headers: { "content-type": "text/plain", authorization: "Bearer x" }, body: "abc" })).status,
      400,
    );
    assert.equal((await fetch(url, { method: "PUT", headers: { "content-type": "text/plain" }, body: "abc" })).status, 200);
    assert.equal((await agent.post("~/upload/complete", { attachment_id: id })).status, 200);
    const { body: message } = await agent.send("cht_Ada", "", { attachment_ids: [id] });
    assert.equal(message.attachments[0].file_name, "a.txt");
    const file = await fetch(message.attachments[0].url, { headers: { authorization: "Bearer key_ada" } });
    assert.equal(await file.text(), "abc");
  });
});

describe("the inbox", () => {
  test("gets direct messages, mentions and assignments, and nothing else", async () => {
    const group = { chat: "cht_Launch" };
    const direct = say("direct");
    say("just people talking", group);
    say("no answer please", { noReply: true });
    const structured = say("you there", { ...group, mentions: ["usr_agent"] });
    const all = say("everybody", { ...group, mentions: ["usr_all"] });
    const inText = say("hey prll://usr_agent, look", group);
    say("hey prll://usr_agents", group);
    await agent.send("cht_Launch", "I am prll://usr_agent");
    const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write" });
    assert.deepEqual(
      (await inbox()).map((one) => [one.source_type, one.source_id, one.delivery_reason]),
      [
        ["message", direct.id, "direct"],
        ["message", structured.id, "mention"],
        ["message", all.id, "mention"],
        ["message", inText.id, "mention"],
        ["task", task.id, "assignment"],
      ],
    );
  });

  test("keeps what was received until it is acknowledged", async () => {
    const { id } = say();
    const [dispatch] = await inbox();
    assert.equal(dispatch.status, "pending");
    assert.equal((await agent.post("~/dispatch/received", { source_type: "message", source_id: id })).status, 200);
    assert.equal((await inbox())[0].status, "received");
    assert.equal((await agent.post("~/dispatch/received", { source_type: "message", source_id: "msg_none" })).status, 404);
    assert.equal((await agent.post(`~/dispatch/${dispatch.id}/ack`)).status, 204);
    assert.deepEqual(await inbox(), []);
    assert.equal((await agent.post(`~/dispatch/${dispatch.id}/ack`)).status, 204);
    assert.equal((await agent.post("~/dispatch/dsp_none/ack")).status, 404);
    const [kept] = parall.snapshot().dispatches;
    assert.deepEqual([kept.received_count, kept.acknowledged_count], [1, 2]);
  });

  test("comes in pages whose cursor outlives its item", async () => {
    for (const text of ["1", "2", "3"]) say(text);
    const first = (await agent.get("~/dispatch?limit=1")).body;
    assert.equal(first.has_more, true);
    await agent.post(`~/dispatch/${first.data[0].id}/ack`);
    const second = (await agent.get(`~/dispatch?cursor=${first.next_cursor}`)).body;
    assert.equal(second.data.length, 2);
    assert.deepEqual([second.has_more, "next_cursor" in second], [false, false]);
  });

  test("does not exist in the generation of events", async () => {
    parall.generation = "events";
    const socket = await connect();
    const { id } = say();
    parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write" });
    assert.equal((await socket.frames("message.new"))[0].data.id, id);
    assert.equal((await socket.frames("task.assigned"))[0].data.title, "Write");
    assert.equal((await agent.get("~/dispatch")).status, 404);
    assert.equal((await agent.post("~/dispatch/dsp_1/ack")).status, 404);
    assert.ok(!socket.received.some(({ frame }) => frame.type === "dispatch.new"));
  });

  test("is not needed to read what was missed: own chats, their messages and the tasks that wait", async () => {
    parall.generation = "events";
    const ids = ["one", "two", "three"].map((text) => say(text).id);
    const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write" });
    parall.assignTask({ from: "usr_ada", to: "usr_ben", title: "Somebody else's" });
    const chats = (await agent.get("~/members/usr_agent/chats")).body.data.map((chat) => chat.id);
    assert.deepEqual(chats, ["cht_Ada", "cht_Ben", "cht_Launch"]);
    const newest = (await agent.get("~/chats/cht_Ada/messages?limit=2")).body;
    assert.deepEqual([newest.data.map((message) => message.id), newest.has_more], [[ids[2], ids[1]], true]);
    const older = (await agent.get(`~/chats/cht_Ada/messages?before=${ids[1]}`)).body;
    assert.deepEqual([older.data.map((message) => message.id), older.has_more], [[ids[0]], false]);
    for (const path of ["~/agents/usr_agent/tasks", "~/members/usr_agent/tasks"]) {
      assert.deepEqual(
        (await agent.get(path)).body.data.map((one) => one.id),
        [task.id],
      );
    }
    parall.changeTask({ from: "usr_agent", task: task.id, status: "done" });
    assert.deepEqual((await agent.get("~/agents/usr_agent/tasks")).body.data, []);
  });

  test("is the only news in the generation of the inbox", async () => {
    await start({ generation: "inbox" });
    const socket = await connect();
    say();
    parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write" });
    await socket.frames("dispatch.new", 2);
    assert.deepEqual(
      socket.received.map(({ frame }) => frame.type),
      ["hello", "dispatch.new", "dispatch.new"],
    );
  });
});

describe("tasks", () => {
  test("are created, changed, listed and commented on", async () => {
    const { status, body: task } = await ada.post("~/tasks", { title: "Plan", assignee_id: "usr_agent", project_id: "prj_Launch" });
    assert.equal(status, 201);
    const changed = await agent.call("PATCH", `~/tasks/${task.id}`, { status: "in_progress" });
    assert.deepEqual([changed.status, changed.body.status], [200, "in_progress"]);
    assert.equal((await agent.call("PATCH", `~/tasks/${task.id}`, { status: "nearly" })).status, 422);
    assert.deepEqual(
      (await agent.get("~/tasks?assignee_id=usr_agent&status=in_progress")).body.data.map(({ id }) => id),
      [task.id],
    );
    assert.deepEqual((await agent.get("~/tasks?status=done")).body.data, []);
    const comment = await agent.post("~/comments", { target_uri: `prll://${task.id}`, body: "On it" });
    assert.equal(comment.status, 201);
    assert.equal((await agent.post("~/comments", { target_uri: `prll://${task.id}`, body: "" })).status, 422);
    assert.equal((await agent.post("~/comments", { target_uri: "prll://tsk_none", body: "x" })).status, 404);
    assert.deepEqual((await agent.get(`~/comments?target_uri=prll://${task.id}`)).body.data, [comment.body]);
    assert.deepEqual((await agent.get(`~/tasks/${task.id}/comments`)).body.data, [comment.body]);
  });

  test("are dispatched when assigned later, and not again for other changes", async () => {
    const task = parall.assignTask({ from: "usr_ada", to: "usr_ben", title: "Plan" });
    assert.deepEqual(await inbox(), []);
    parall.changeTask({ from: "usr_ben", task: task.id, assignee_id: "usr_agent" });
    parall.changeTask({ from: "usr_ben", task: task.id, priority: "high" });
    assert.equal((await inbox()).length, 1);
  });
});

describe("the platform config", () => {
  test("answers 304 to those who have its version, and its change is pushed", async () => {
    assert.equal((await agent.get("/platform-config")).status, 404);
    assert.equal((await agent.get("~/platform-config")).status, 404);
    const socket = await connect();
    parall.setPlatformConfig({ version: "v1", schema_version: 1, config: { models: {} } });
    assert.equal((await socket.frames("agent_config.update"))[0].data.version, "v1");
    assert.equal((await agent.get("~/platform-config")).body.version, "v1");
    assert.equal((await agent.get("/platform-config?version=v1")).status, 304);
    assert.equal(
      (await agent.get("~/platform-config", { headers: { authorization: "Bearer key_agent", "if-none-match": '"v1"' } })).status,
      304,
    );
    assert.equal((await agent.get("~/platform-config?version=v0")).status, 200);
  });
});

describe("the socket", () => {
  test("replays nothing where the server forgets", async () => {
    await start({ choices: { replaysFrames: false } });
    for (const text of ["one", "two"]) say(text);
    const socket = await connect({ lastSeq: 1 });
    const { id } = say("three");
    assert.equal((await socket.frames("dispatch.new"))[0].data.source_id, id);
  });

  test("greets first, then pushes dispatches with rising numbers and answers pings", async () => {
    const socket = await connect();
    say("1");
    say("2");
    await socket.frames("dispatch.new", 2);
    socket.send({ type: "ping", data: { ts: 5 } });
    assert.deepEqual(await socket.frames("pong"), [{ type: "pong", data: { ts: 5 } }]);
    const [hello, ...rest] = socket.received.map(({ frame }) => frame);
    assert.deepEqual(hello, { type: "hello", data: { heartbeat_interval: 30 } });
    assert.deepEqual(
      rest.filter(({ seq }) => seq).map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
    parall.changeChat({ chat: "cht_Ada", name: "Us" });
    assert.equal((await socket.frames("chat.update"))[0].data.chat.name, "Us");
  });

  test("opens once a ticket and not with a wrong one", async () => {
    const { ticket, ws_url: url } = (await agent.post("/ws/ticket", {})).body;
    const socket = await openSocket(`${url}?ticket=${ticket}`);
    sockets.push(socket);
    await assert.rejects(openSocket(`${url}?ticket=${ticket}`), { status: 401 });
    await assert.rejects(openSocket(`${url}?ticket=wrong`), { status: 401 });
    await assert.rejects(openSocket(url), { status: 401 });
    await assert.rejects(openSocket(`${url}?region=test?ticket=${(await agent.post("/ws/ticket")).body.ticket}`), { status: 401 });
    await assert.rejects(openSocket(`${parall.wsUrl}//?ticket=x`), { status: 404 });
  });

  test("replays what came after the last number and keeps counting", async () => {
    const before = await connect();
    say("1");
    const [{ seq }] = await before.frames("message.new");
    before.close();
    await parall.waitFor(() => parall.sockets.of("usr_agent").length === 0 || undefined, TIMEOUT);
    say("2");
    const after = await connect({ lastSeq: seq });
    assert.deepEqual((await after.frames("message.new"))[0].data.content.text, "2");
    assert.deepEqual(
      after.received.map(({ frame }) => frame.seq),
      [undefined, seq + 1, seq + 2],
    );
  });

  test("replays no more than its window", async () => {
    await start({ generation: "inbox", choices: { replayWindow: 2 } });
    for (const text of ["1", "2", "3"]) say(text);
    const socket = await connect({ lastSeq: 1 });
    assert.deepEqual(
      (await socket.frames("dispatch.new", 2)).map(({ seq }) => seq),
      [2, 3],
    );
    say("4");
    assert.equal((await socket.frames("dispatch.new", 3)).at(-1).seq, 4);
  });

  test("closes on a client that stays silent", async () => {
    await start({ choices: { heartbeatInterval: 1, silentIntervals: 0.05 } });
    assert.equal((await (await connect()).end()).code, 4408);
  });
});
