/** Files that the agent sends, over real sockets: one message each, whatever the server answers and whenever the process ends. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { request as ask, createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { native, open, startAccount } from "../support.mjs";

const LIMIT = 60_000;
const MEBIBYTE = 1024 * 1024;

/** A workspace with two files, and an account whose agent answers with `media`. */
async function stage(t, { media, kind = "final", text = "Here you are", folders, ...setup } = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), "parall-outgoing-")));
  t.after(() => rm(root, { recursive: true, force: true }));
  const workspace = join(root, "workspace");
  mkdirSync(workspace);
  writeFileSync(join(workspace, "a.txt"), "first");
  writeFileSync(join(workspace, "b.png"), "second");
  const runTurn = async (turn, gateway) => {
    const wanted = typeof media === "function" ? media(workspace) : media;
    await gateway.deliver(turn.id, { kind, text, media: wanted, folders: folders ?? [workspace] });
    return { started: true };
  };
  const options = { stateDir: join(root, "state"), ...setup.options };
  const account = await startAccount(t, { runTurn, ...setup, options });
  return { root, workspace, options, runTurn, ...account };
}

const answers = (parall, chat) => parall.messages(chat).filter((message) => message.sender_id === "usr_agent");
const requests = (parall, route) => parall.snapshot().requests.filter((request) => request.route === route);
const contents = (parall, message) =>
  message.attachments.map(({ id, file_name }) => [file_name, Buffer.from(parall.store.uploads.get(id).content, "base64").toString()]);

async function acknowledged(parall, asked) {
  const dispatch = () => parall.snapshot().dispatches.find((one) => one.source_id === asked.id);
  await parall.waitFor(() => dispatch()?.acknowledged_count > 0 || undefined, LIMIT, `the answer to ${asked.id}`);
}

/** Ada asks; resolves with the agent's messages once hers is acknowledged. */
async function answer({ parall, seed }) {
  await acknowledged(parall, parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Please" }));
  return answers(parall, seed.direct.ada);
}

test("an answer with files is one message with its text and its files in order", async (t) => {
  const account = await stage(t, { media: (workspace) => ["b.png", join(workspace, "a.txt"), `file://${workspace}/b.png`] });
  const sent = await answer(account);
  assert.deepEqual(
    sent.map((message) => [message.content.text, contents(account.parall, message)]),
    [
      [
        "Here you are",
        [
          ["b.png", "second"],
          ["a.txt", "first"],
          ["b.png", "second"],
        ],
      ],
    ],
  );
  assert.equal(sent[0].attachments[0].mime_type, "image/png");
});

test("a file without a text is a message, and of more than eight the others follow", async (t) => {
  const media = Array.from({ length: 9 }, (_, index) => `${index}.txt`);
  const account = await stage(t, { text: "", media });
  for (const name of media) writeFileSync(join(account.workspace, name), name);
  const sent = await answer(account);
  assert.deepEqual(
    sent.map(({ content, attachments }) => [content.text, attachments.length]),
    [
      ["", 8],
      ["", 1],
    ],
  );
});

test("files that may not be sent, or cannot, are named in the text and by no folder", async (t) => {
  const media = ["/etc/passwd", "none.txt", "../outside.txt", "link.txt", "empty.txt", "large.bin", "a.txt", "."];
  const account = await stage(t, { media });
  const { root, workspace, parall } = account;
  writeFileSync(join(root, "outside.txt"), "outside");
  symlinkSync(join(root, "outside.txt"), join(workspace, "link.txt"));
  writeFileSync(join(workspace, "empty.txt"), "");
  writeFileSync(join(workspace, "large.bin"), "");
  truncateSync(join(workspace, "large.bin"), 25 * MEBIBYTE + 1);
  const [message, ...others] = await answer(account);
  const [text, ...lines] = message.content.text.split(/\n+/);
  assert.deepEqual([text, others, contents(parall, message)], ["Here you are", [], [["a.txt", "first"]]]);
  const forbidden = "it is not there, or in no folder from which the agent may send";
  assert.deepEqual(lines, [
    `(passwd could not be sent: ${forbidden}.)`,
    `(none.txt could not be sent: ${forbidden}.)`,
    `(outside.txt could not be sent: ${forbidden}.)`,
    `(link.txt could not be sent: ${forbidden}.)`,
    "(empty.txt could not be sent: it is empty.)",
    "(large.bin could not be sent: it is larger than 25 MiB.)",
    "(workspace could not be sent: it is not a file.)",
  ]);
});

test("without folders nothing is sent from this machine", async (t) => {
  const account = await stage(t, { media: (workspace) => [join(workspace, "a.txt")], folders: [] });
  const [message] = await answer(account);
  assert.match(message.content.text, /^Here you are\n\n\(a\.txt could not be sent: it is not there/);
  assert.deepEqual(message.attachments, []);
});

for (const [what, route, fault, parameters, words] of [
  ["403 to the announcement", "upload.presign", "http.error", { status: 403, message: "no files here" }, /403.*no files here/],
  ["403 to the bytes", "upload.put", "http.error", { status: 403 }, /403/],
  ["409 to the completion", "upload.complete", "http.error", { status: 409 }, /409/],
  ["an announcement without address", "upload.presign", "http.missing_fields", { fields: ["upload_url"] }, /cannot be read/],
  [
    "an address that is none",
    "upload.presign",
    "http.body",
    { body: { attachment_id: "att_1", upload_url: "file:///x" } },
    /not an address/,
  ],
  ["a page of a proxy", "upload.presign", "http.invalid_json", { body: "<html>Sign in</html>" }, /cannot be read/],
  ["a redirect of the bytes", "upload.put", "http.redirect", {}, /redirect/],
])
  test(`${what} costs the file and not the answer`, async (t) => {
    const account = await stage(t, { media: ["a.txt"] });
    account.parall.fault(fault, { route, ...parameters });
    const [message, ...others] = await answer(account);
    const [text, line] = message.content.text.split("\n\n");
    assert.deepEqual([text, message.attachments, others], ["Here you are", [], []]);
    assert.match(line, /^\(a\.txt could not be sent: /);
    assert.match(line, words);
  });

test("429 and 503 are waited for", async (t) => {
  const account = await stage(t, { media: ["a.txt"] });
  account.parall.fault("http.rate_limit", { times: 1, route: "upload.presign", retry_after: "0.2" });
  account.parall.fault("http.error", { times: 2, route: "upload.put", status: 503 });
  const [message] = await answer(account);
  assert.deepEqual([message.content.text, contents(account.parall, message)], ["Here you are", [["a.txt", "first"]]]);
});

test("the key does not go along to another host", async (t) => {
  const seen = [];
  let target;
  const store = createServer((incoming, outgoing) => {
    seen.push(incoming.headers);
    const forwarded = ask(`${target}${incoming.url}`, { method: "PUT", headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  }).listen(0, "127.0.0.1");
  t.after(() => store.close());
  await new Promise((resolve) => store.once("listening", resolve));
  const uploadAddress = (_origin, secret) => `http://localhost:${store.address().port}/api/v1/uploads/${secret}`;
  const account = await stage(t, { media: ["a.txt"], server: { choices: { uploadAddress } } });
  target = account.parall.url;
  const [message] = await answer(account);
  assert.deepEqual(contents(account.parall, message), [["a.txt", "first"]]);
  assert.deepEqual([seen.length, seen[0].authorization, seen[0]["content-type"]], [1, undefined, "text/plain"]);
});

for (const [what, route, fault, uploads] of [
  ["during the upload", "upload.put", "http.never_answer", 3],
  ["before the message", "messages.post", "http.close", 2],
  ["after the message, before its answer", "messages.post", "http.response_withheld", 2],
])
  test(`an end of the account ${what} neither loses nor doubles the message`, async (t) => {
    const account = await stage(t, { media: ["a.txt", "b.png"] });
    const { parall, seed, options } = account;
    parall.fault(fault, { route });
    const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Please" });
    await parall.waitFor(() => requests(parall, route).length > 0 || undefined, LIMIT, `a request of ${route}`);
    await account.gateway.close();
    parall.clearFaults();
    const again = open(t, parall.url, { options, runTurn: () => assert.fail("the turn runs again") });
    await acknowledged(parall, asked);
    const [message, ...others] = answers(parall, seed.direct.ada);
    assert.deepEqual([others, again.turns], [[], []]);
    assert.deepEqual([message.content.text, contents(parall, message).map(([name]) => name)], ["Here you are", ["a.txt", "b.png"]]);
    assert.equal(requests(parall, "upload.presign").filter(({ status }) => status === 201).length, uploads);
  });

test("what a start finds gone is named in the answer", async (t) => {
  const account = await stage(t, { media: ["a.txt"] });
  const { parall, seed, options, workspace } = account;
  parall.fault("http.never_answer", { route: "upload.put" });
  const asked = parall.say({ from: "usr_ada", chat: seed.direct.ada, text: "Please" });
  await parall.waitFor(() => requests(parall, "upload.put").length > 0 || undefined, LIMIT, "an upload");
  await account.gateway.close();
  parall.clearFaults();
  await rm(join(workspace, "a.txt"));
  open(t, parall.url, { options });
  await acknowledged(parall, asked);
  assert.match(answers(parall, seed.direct.ada)[0].content.text, /^Here you are\n\n\(a\.txt could not be sent: it cannot be read/);
});

test("a task is answered by a comment that names the file", async (t) => {
  const { parall } = await stage(t, { media: ["a.txt"] });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Write" });
  await acknowledged(parall, task);
  const [comment] = parall.snapshot().comments.filter(({ author_id: author }) => author === "usr_agent");
  assert.equal(comment.body, "Here you are\n\n(a.txt could not be sent: a comment on a task takes no files.)");
});

test("the host's own sends carry files, with an account and without, and nothing goes out without its file", async (t) => {
  const account = await stage(t, { media: [] });
  const { parall, seed, gateway, workspace } = account;
  const once = { accountId: "default", parallUrl: parall.url, apiKey: "key_agent", orgId: "org_demo", agentId: "main" };
  const outgoing = { text: "See", media: ["a.txt"], folders: [workspace] };
  const ids = [
    await gateway.sendMedia(seed.direct.ben, outgoing),
    await native.sendMedia(once, seed.direct.ben, { ...outgoing, text: "" }),
  ];
  const sent = answers(parall, seed.direct.ben);
  assert.deepEqual(
    sent.map((message) => [message.id, message.content.text, contents(parall, message)]),
    [
      [ids[0], "See", [["a.txt", "first"]]],
      [ids[1], "", [["a.txt", "first"]]],
    ],
  );
  const forbidden = { ...outgoing, media: ["/etc/passwd"] };
  const refusal = { code: "PARALL_FILE", message: /nothing was sent, because passwd could not be: it is not there, or in no folder/ };
  await assert.rejects(gateway.sendMedia(seed.direct.ben, forbidden), refusal);
  await assert.rejects(native.sendMedia(once, seed.direct.ben, forbidden), refusal);
  parall.fault("http.error", { route: "upload.put", status: 403 });
  await assert.rejects(gateway.sendMedia(seed.direct.ben, outgoing), { code: "PARALL_FILE", message: /a\.txt could not be: .*403/ });
  assert.equal(answers(parall, seed.direct.ben).length, 2);
});
