import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { BAD_FRAMES, FAULTS } from "../../server/faults.js";
import { Probe } from "../../server/probe.js";
import { LocalParall } from "../../server/server.js";

const TIMEOUT = 10_000;
let parall;
let agent;
let sockets;

beforeEach(async () => {
  parall = await LocalParall.start({ generation: "inbox" });
  parall.seed();
  agent = new Probe(parall.url, "key_agent");
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.close();
  await parall.close();
});

async function connect(options) {
  const socket = await agent.connect(options);
  sockets.push(socket);
  return socket;
}

const say = (text = "Hello") => parall.say({ from: "usr_ada", chat: "cht_Ada", text });
const me = (options) => agent.get("~/agents/me", options);
const status = async () => (await me()).status;
/** Resolves when the server has seen a request of this route. */
const seen = (route) => parall.waitFor(() => parall.journal.requests.find((one) => one.route === route), TIMEOUT, route);

/** Fails if a request is answered: it must still hang when a later one is done. */
async function assertHangs(path) {
  const hangUp = new AbortController();
  const hanging = agent.get(path, { signal: hangUp.signal });
  const answered = hanging.then(
    () => true,
    () => false,
  );
  await parall.waitFor(() => parall.journal.requests.find((one) => one.path.endsWith(path.replace("~", ""))), TIMEOUT);
  assert.equal((await agent.get("/users/me")).status, 200);
  hangUp.abort();
  assert.equal(await answered, false);
}

describe("faults", () => {
  test("are refused when misspelt", () => {
    assert.throws(() => parall.fault("http.eror"), /unknown fault: http.eror/);
    assert.throws(() => parall.fault("http.error", { time: 1 }), /unknown parameter of http.error: time/);
    assert.throws(() => parall.fault("socket.bad_frame", { kind: "nice" }), /unknown bad frame: nice/);
  });

  test("strike as often as asked, where asked, after as many as asked, until cleared", async () => {
    parall.fault("http.error", {
      times: 2,
      after: 1,
      route: "^agents.me$",
      method: "GET",
      path: "org_demo",
      user: "usr_agent",
      status: 503,
    });
    assert.equal((await agent.get("/users/me")).status, 200);
    assert.deepEqual([await status(), await status(), await status(), await status()], [200, 503, 503, 200]);
    const id = parall.fault("http.error");
    assert.deepEqual([await status(), await status()], [500, 500]);
    assert.equal(parall.snapshot().faults[0].used, 2);
    parall.clearFaults(id);
    assert.equal(await status(), 200);
  });
});

describe("faults of requests", () => {
  test("http.error answers in each form that was seen", async () => {
    const answer = async (form) => {
      parall.fault("http.error", { times: 1, form, status: 502, code: "BROKEN", message: "broken" });
      return me();
    };
    assert.deepEqual((await answer("nested")).body, { error: { code: "BROKEN", message: "broken", status: 502 } });
    assert.deepEqual((await answer("flat")).body, { error: "broken", code: "BROKEN", message: "broken" });
    assert.deepEqual((await answer("string")).body, { error: "broken" });
    assert.match((await answer("html")).text, /^<!doctype html>/);
    assert.equal((await answer("text")).text, "broken");
    const empty = await answer("empty");
    assert.deepEqual([empty.status, empty.text], [502, ""]);
  });

  test("http.rate_limit asks to wait for half a second", async () => {
    parall.fault("http.rate_limit", { times: 1 });
    const refused = await me();
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "0.5"]);
  });

  test("http.unauthorized refuses a key that is good", async () => {
    parall.fault("http.unauthorized", { times: 1 });
    assert.deepEqual([await status(), await status()], [401, 200]);
  });

  test("http.redirect points to another host", async () => {
    parall.fault("http.redirect", { times: 1, location: "http://127.0.0.3:1/x", status: 302 });
    const answer = await me();
    assert.deepEqual([answer.status, answer.headers.get("location")], [302, "http://127.0.0.3:1/x"]);
  });

  test("http.never_answer accepts and stays silent", async () => {
    parall.fault("http.never_answer", { times: 1, route: "agents.me" });
    await assertHangs("~/agents/me");
  });

  test("http.stalled_body sends half a body and stays silent", async () => {
    parall.fault("http.stalled_body", { times: 1, route: "agents.me" });
    await assertHangs("~/agents/me");
  });

  test("http.endless_body sends bytes until the caller hangs up", async () => {
    parall.fault("http.endless_body", { times: 1, route: "agents.me" });
    const hangUp = new AbortController();
    const answer = await fetch(`${parall.url}/api/v1/orgs/org_demo/agents/me`, {
      headers: { authorization: "Bearer key_agent" },
      signal: hangUp.signal,
    });
    const body = answer.body.getReader();
    let got = 0;
    while (got < 4 * 1024 * 1024) got += (await body.read()).value.length;
    hangUp.abort();
  });

  test("http.slow_body sends all of it, a byte at a time", async () => {
    parall.fault("http.slow_body", { times: 1, route: "agents.me", ms: 1 });
    assert.equal((await agent.get("~/agents/me")).body.id, "usr_agent");
  });

  test("http.close cuts the connection before anything is stored", async () => {
    parall.fault("http.close", { times: 1, route: "messages.post" });
    await assert.rejects(agent.send("cht_Ada", "Hi"));
    assert.equal(parall.messages().length, 0);
  });

  test("http.response_lost stores and loses the answer; the same key finds the message again", async () => {
    parall.fault("http.response_lost", { times: 1, route: "messages.post" });
    await assert.rejects(agent.send("cht_Ada", "Hi", { idempotency_key: "k" }));
    assert.equal(parall.messages().length, 1);
    assert.equal((await agent.send("cht_Ada", "Hi", { idempotency_key: "k" })).status, 200);
    assert.equal(parall.messages().length, 1);
  });

  test("http.response_withheld stores and never answers", async () => {
    parall.fault("http.response_withheld", { times: 1, route: "messages.post" });
    const hangUp = new AbortController();
    const posting = agent.call("POST", "~/chats/cht_Ada/messages", undefined, {
      body: JSON.stringify({ message_type: "text", content: { text: "Hi" } }),
      signal: hangUp.signal,
    });
    await parall.waitForMessage((message) => message.sender_id === "usr_agent", TIMEOUT);
    hangUp.abort();
    await assert.rejects(posting, { name: "AbortError" });
  });

  test("http.slow answers after a later request", async () => {
    parall.fault("http.slow", { times: 1, ms: 200, route: "agents.me" });
    const order = [];
    const slow = me().then(() => order.push("slow"));
    await seen("agents.me");
    await agent.get("/users/me").then(() => order.push("quick"));
    await slow;
    assert.deepEqual(order, ["quick", "slow"]);
  });

  test("http.truncated_body ends in the middle", async () => {
    parall.fault("http.truncated_body", { times: 1 });
    await assert.rejects(me());
  });

  test("bodies can be huge, deep, not JSON, not UTF-8, empty or any other", async () => {
    const body = (name, options) => {
      parall.fault(name, { times: 1, ...options });
      return me();
    };
    assert.ok((await body("http.oversized_body", { bytes: 5_000_000 })).text.length > 5_000_000);
    assert.match((await body("http.deep_body", { depth: 1000 })).text, /"deep":\[{1000}\]{1000}}$/);
    assert.equal((await body("http.invalid_json")).body, undefined);
    assert.ok((await body("http.invalid_utf8")).text.includes("\ufffd"));
    assert.equal((await body("http.empty_body")).text, "");
    assert.deepEqual((await body("http.body", { body: [1], status: 206 })).body, [1]);
    const { body: without } = await body("http.missing_fields", { fields: ["id", "type"] });
    assert.deepEqual([without.id, without.type, without.display_name], [undefined, undefined, "Robin"]);
    assert.equal((await body("http.null_fields", { fields: ["display_name"] })).body.display_name, null);
  });

  test("http.missing_fields works on each item of a list", async () => {
    parall.fault("http.missing_fields", { times: 1, fields: ["id"] });
    assert.ok((await agent.get("~/chats")).body.data.every((chat) => chat.type && !chat.id));
  });

  test("http.close_sockets cuts the socket between received and reply", async () => {
    parall.fault("http.close_sockets", { times: 1, route: "dispatch.received" });
    const socket = await connect();
    const { id } = say();
    assert.equal((await agent.post("~/dispatch/received", { source_type: "message", source_id: id })).status, 200);
    assert.equal((await socket.end()).code, 1006);
    assert.equal((await agent.send("cht_Ada", "Hi")).status, 201);
  });

  test("list.no_cursor and list.repeated_cursor promise more than there is", async () => {
    parall.fault("list.no_cursor", { times: 1 });
    const none = (await agent.get("~/dispatch")).body;
    assert.deepEqual([none.has_more, "next_cursor" in none], [true, false]);
    parall.fault("list.repeated_cursor", { times: 2, cursor: "again" });
    const cursors = [await agent.get("~/dispatch"), await agent.get("~/dispatch?cursor=again")].map(({ body }) => body.next_cursor);
    assert.deepEqual(cursors, ["again", "again"]);
  });
});

describe("faults of what is written", () => {
  test("write.no_sender leaves the sender out, everywhere", async () => {
    parall.fault("write.no_sender", { times: 1 });
    const { id } = say();
    const { body } = await agent.get(`/messages/${id}`);
    assert.deepEqual([body.sender, body.sender_id], [undefined, "usr_ada"]);
  });

  test("write.empty_text_attachment makes a message of a file only", async () => {
    parall.fault("write.empty_text_attachment", { times: 1 });
    const { body } = await agent.get(`/messages/${say().id}`);
    assert.deepEqual([body.content.text, body.attachments.length], ["", 1]);
  });

  test("write.own_message_dispatched dispatches the agent's own message", async () => {
    const socket = await connect();
    parall.fault("write.own_message_dispatched", { times: 1 });
    const { body } = await agent.send("cht_Ada", "Hi");
    assert.equal((await socket.frames("dispatch.new"))[0].data.source_id, body.id);
  });

  test("write.odd_message_id and write.odd_dispatch_id make ids that need escaping", async () => {
    parall.fault("write.odd_message_id", { times: 1 });
    parall.fault("write.odd_dispatch_id", { times: 1, id: "dsp_1/../2?x#y" });
    const { id } = say();
    assert.equal(id, FAULTS["write.odd_message_id"].id);
    assert.equal((await agent.get(`/messages/${encodeURIComponent(id)}`)).body.id, id);
    const [dispatch] = (await agent.get("~/dispatch")).body.data;
    assert.equal((await agent.post(`~/dispatch/${encodeURIComponent(dispatch.id)}/ack`)).status, 204);
  });
});

describe("faults of tickets", () => {
  test("ticket.expired gives one that opens nothing", async () => {
    parall.fault("ticket.expired", { times: 1 });
    await assert.rejects(agent.connect(), { status: 401 });
  });

  test("the socket's address can be missing, have a query or be another", async () => {
    const url = async (name, options) => {
      parall.fault(name, { times: 1, ...options });
      return (await agent.post("/ws/ticket")).body.ws_url;
    };
    assert.equal(await url("ticket.no_ws_url"), undefined);
    assert.equal(await url("ticket.ws_url_query"), `${parall.wsUrl}?region=test`);
    assert.equal(await url("ticket.ws_url", { ws_url: "ws://127.0.0.9:1/x" }), "ws://127.0.0.9:1/x");
  });
});

describe("faults of the socket", () => {
  test("socket.upgrade_refused and socket.upgrade_never_answered", async () => {
    parall.fault("socket.upgrade_refused", { times: 1, status: 502 });
    await assert.rejects(agent.connect(), { status: 502 });
    parall.fault("socket.upgrade_never_answered", { times: 1 });
    let answered = false;
    agent.connect().then(
      () => {
        answered = true;
      },
      () => {},
    );
    await parall.waitFor(
      () => (parall.journal.requests.filter((one) => one.route === "ws.connect").length === 2 ? true : undefined),
      TIMEOUT,
    );
    await connect();
    assert.equal(answered, false);
  });

  test("socket.no_hello opens and sends all but the greeting", async () => {
    parall.fault("socket.no_hello", { times: 1 });
    const socket = await connect();
    socket.send({ type: "ping", data: {} });
    await socket.frames("pong");
    say();
    await socket.frames("dispatch.new");
    assert.ok(socket.received.every(({ frame }) => frame.type !== "hello"));
  });

  test("hello can have another interval or other fields", async () => {
    const hello = async (name, options) => {
      parall.fault(name, { times: 1, ...options });
      return (await (await connect()).frames("hello"))[0].data;
    };
    assert.deepEqual(await hello("socket.heartbeat_interval"), { heartbeat_interval: 1 });
    assert.deepEqual(await hello("socket.hello_fields", { data: { heartbeat_interval: "soon" } }), { heartbeat_interval: "soon" });
  });

  test("socket.no_pong answers no ping but still sends events", async () => {
    parall.fault("socket.no_pong", { times: 1 });
    const socket = await connect();
    socket.send({ type: "ping", data: { ts: 1 } });
    socket.send({ type: "ping", data: { ts: 2 } });
    assert.deepEqual(
      (await socket.frames("pong")).map(({ data }) => data.ts),
      [2],
    );
  });

  test("a half open socket gets nothing more and is not closed", async () => {
    parall.fault("socket.half_open", { times: 1 });
    const dead = await connect();
    const late = await connect();
    say("1");
    await late.frames("dispatch.new");
    parall.freezeSockets("usr_agent");
    const alive = await connect();
    say("2");
    await alive.frames("dispatch.new");
    assert.equal(dead.received.length, 1);
    assert.equal(late.received.length, 2);
    assert.deepEqual([dead.closed, late.closed], [undefined, undefined]);
  });

  test("socket.goodbye closes with a code, and the event waits for replay", async () => {
    const socket = await connect();
    say("1");
    await socket.frames("dispatch.new");
    parall.fault("socket.goodbye", { times: 1, reason: "see you" });
    say("2");
    assert.deepEqual(await socket.end(), { code: 1001, reason: "see you" });
    const next = await connect({ lastSeq: 1 });
    assert.equal((await next.frames("dispatch.new"))[0].seq, 2);
  });

  test("socket.close_on_event cuts the connection in place of the event", async () => {
    const socket = await connect();
    parall.fault("socket.close_on_event", { times: 1, type: "dispatch.new" });
    say();
    assert.equal((await socket.end()).code, 1006);
    assert.equal(socket.received.length, 1);
  });

  test("socket.duplicate_frame sends the same frame twice", async () => {
    const socket = await connect();
    parall.fault("socket.duplicate_frame", { times: 1 });
    say();
    const [one, two] = await socket.frames("dispatch.new", 2);
    assert.deepEqual(one, two);
  });

  test("socket.seq_gap skips numbers", async () => {
    const socket = await connect();
    say();
    parall.fault("socket.seq_gap", { times: 1 });
    say();
    say();
    assert.deepEqual(
      (await socket.frames("dispatch.new", 3)).map(({ seq }) => seq),
      [1, 7, 8],
    );
  });

  test("socket.lost_frame leaves the event to the list", async () => {
    const socket = await connect();
    parall.fault("socket.lost_frame", { times: 1 });
    say("lost");
    say("found");
    assert.deepEqual(
      (await socket.frames("dispatch.new")).map(({ seq }) => seq),
      [2],
    );
    assert.equal((await agent.get("~/dispatch")).body.data.length, 2);
  });

  test("socket.listed_and_pushed pushes what the list has, with new numbers", async () => {
    say();
    parall.fault("socket.listed_and_pushed", { times: 1 });
    const socket = await connect();
    const [{ seq, data }] = await socket.frames("dispatch.new");
    assert.deepEqual((await agent.get("~/dispatch")).body.data, [data]);
    parall.pushOpenDispatches("usr_agent");
    assert.deepEqual(
      (await socket.frames("dispatch.new", 2)).map((frame) => frame.seq),
      [seq, seq + 1],
    );
  });

  test("socket.bad_frame comes before the event; each kind can be sent at any time", async () => {
    const socket = await connect();
    parall.fault("socket.bad_frame", { times: 1, kind: "deep", depth: 50 });
    say();
    await socket.frames("dispatch.new");
    assert.ok(socket.received[1].text.includes("[".repeat(50)));
    for (const kind of Object.keys(BAD_FRAMES)) parall.sendBadFrame("usr_agent", { kind });
    await socket.next(({ bytes }) => bytes.length > 16 * 1024 * 1024);
    assert.equal(socket.received.length, 3 + Object.keys(BAD_FRAMES).length);
    assert.ok(socket.received.some(({ binary }) => binary));
    assert.ok(socket.received.some(({ bytes }) => bytes.includes(Buffer.from([0xff, 0xfe]))));
    assert.equal(socket.closed, undefined);
  });

  test("dropSockets closes with and without a code", async () => {
    const one = await connect();
    parall.dropSockets({ user: "usr_agent", code: 1012, reason: "restart" });
    assert.deepEqual(await one.end(), { code: 1012, reason: "restart" });
    const two = await connect();
    parall.dropSockets();
    assert.equal((await two.end()).code, 1006);
  });
});
