/** Whatever the server does wrong, a message is answered once, acknowledged after its answer, and the account keeps running. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startAccount } from "../support.mjs";

const LIMIT = 60_000;

/** Faults that pass: `[name, options]`. */
const PASSING = [
  ["http.error", { route: "messages.post", status: 500, times: 2 }],
  ["http.error", { route: "messages.post", status: 502, form: "html", times: 1 }],
  ["http.error", { route: "messages.get", status: 503, form: "string", times: 1 }],
  ["http.error", { route: "chats.get", status: 500, form: "flat", times: 1 }],
  ["http.error", { route: "dispatch.ack", status: 500, form: "text", times: 2 }],
  ["http.error", { route: "dispatch.received", status: 500, times: 1 }],
  ["http.rate_limit", { route: "messages.post", times: 1 }],
  ["http.rate_limit", { route: "messages.get", times: 1 }],
  ["http.close", { route: "messages.post", times: 1 }],
  ["http.close", { route: "messages.get", times: 1 }],
  ["http.slow", { route: "messages.post", ms: 800, times: 1 }],
  ["http.response_lost", { route: "messages.post", times: 2 }],
  ["http.response_lost", { route: "dispatch.ack", times: 1 }],
  ["http.truncated_body", { route: "messages.post", times: 1 }],
  ["http.truncated_body", { route: "messages.get", times: 1 }],
  ["http.oversized_body", { route: "messages.get", times: 1 }],
  ["http.deep_body", { route: "messages.get", times: 1 }],
  ["http.invalid_json", { route: "messages.get", times: 1 }],
  ["http.invalid_utf8", { route: "messages.get", times: 1 }],
  ["http.missing_fields", { route: "messages.get", fields: ["chat_id"], times: 1 }],
  ["http.null_fields", { route: "messages.get", fields: ["sender", "thread_root_id", "hints", "attachments"], times: 1 }],
  ["http.body", { route: "messages.get", status: 200, body: "<html>Please log in</html>", times: 1 }],
  ["http.close_sockets", { route: "dispatch.received", times: 1 }],
  ["http.redirect", { route: "messages.get", times: 1 }],
  ["write.no_sender", { times: 1 }],
  ["socket.duplicate_frame", { type: "dispatch\\.new", times: 1 }],
  ["socket.listed_and_pushed", { times: 1 }],
  ["socket.seq_gap", { times: 1 }],
  ["socket.close_on_event", { times: 1 }],
  ["socket.goodbye", { times: 1 }],
];

const BAD_FRAMES = [
  "not_json",
  "truncated_json",
  "not_object",
  "no_type",
  "wrong_types",
  "unknown_type",
  "missing_fields",
  "null_data",
  "odd_ids",
  "huge_seq",
  "empty",
  "binary",
  "invalid_utf8",
  "deep",
  "huge",
];

/** Says something and waits until it is answered and acknowledged; gives the number of answers. */
async function roundTrip({ parall, seed }, text) {
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text });
  const done = () => parall.snapshot().dispatches.find((one) => one.source_id === asked.id && one.acknowledged_count > 0);
  await parall.waitFor(done, LIMIT, `the acknowledgement of ${text}`);
  return parall.messages(seed.direct.ada).filter((message) => message.content.text === `echo: ${text}`).length;
}

for (const [name, options] of PASSING) {
  test(`one answer in spite of ${name} ${options.route ?? ""} ${options.form ?? options.fields ?? ""}`.trim(), async (t) => {
    const account = await startAccount(t);
    account.parall.fault(name, options);
    assert.equal(await roundTrip(account, "Hello"), 1);
    account.parall.clearFaults();
    assert.equal(await roundTrip(account, "Still there?"), 1);
    assert.doesNotMatch(account.logs.join("\n"), /key_agent|ticket=/);
  });
}

for (const kind of BAD_FRAMES) {
  test(`a ${kind} frame does no harm`, async (t) => {
    const account = await startAccount(t);
    account.parall.sendBadFrame("usr_agent", { kind });
    assert.equal(await roundTrip(account, "Hello"), 1);
  });
}

test("a list whose cursor repeats or is missing does not stop the account", async (t) => {
  const account = await startAccount(t);
  account.parall.fault("list.no_cursor", { times: 1 });
  account.parall.fault("list.repeated_cursor", { times: 1 });
  account.parall.dropSockets({});
  assert.equal(await roundTrip(account, "Hello"), 1);
});

test("a part that the server refuses for good is reported and nothing is acknowledged", async (t) => {
  const { parall, seed, until } = await startAccount(t);
  parall.fault("http.error", { route: "messages.post", status: 403 });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Hello" });
  const status = await until((now) => now.lastError?.includes("403"));
  assert.match(status.lastError, /could not be answered/);
  assert.equal(parall.snapshot().dispatches.find((one) => one.source_id === asked.id).acknowledged_count, 0);
});
