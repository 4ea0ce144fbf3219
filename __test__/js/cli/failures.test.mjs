/** How commands fail: exit code, one JSON object, and what the server holds afterwards. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { command, environment, PROGRAM, shell, stage } from "./command.mjs";
import { assertFailure, FAULTS, FORMS, patience } from "./faults.mjs";

describe("exit code 2: the server said no", () => {
  for (const form of FORMS) {
    test(`in the ${form} form`, async (context) => {
      const { parall, run } = await stage(context);
      parall.fault("http.error", { status: 403, form, code: "NOT_YOURS", message: "not yours" });
      for (const line of ["members list", "messages send cht_Launch --text x"]) {
        const failure = await run(line);
        assertFailure(failure, 2, { status: 403, retry_after: null, message: /answered 403 to/ });
        if (["nested", "flat"].includes(form)) assert.equal(failure.error.code, "NOT_YOURS");
        else assert.equal(failure.error.code, "PARALL_HTTP_STATUS");
      }
      assert.equal(parall.messages().length, 0);
    });
  }

  test("a wrong key, what is not there, and what the server cannot use", async (context) => {
    const { run } = await stage(context);
    assertFailure(await run("whoami", { key: "key_wrong" }), 2, { status: 401, message: /unauthorized/ });
    assertFailure(await run("messages get msg_none"), 2, { status: 404, code: "NOT_FOUND" });
    assertFailure(await run("messages list cht_none"), 2, { status: 404 });
    assertFailure(await run("tasks create --title x --due-date soon"), 2, { status: 422, message: /due_date/ });
  });

  test("a server that asks to wait longer than anybody would is passed on with its time", async (context) => {
    const { parall, run } = await stage(context);
    parall.fault("http.rate_limit", { retry_after: "30" });
    assertFailure(await run("projects list"), 2, { status: 429, retry_after: 30 });
    parall.clearFaults();
    parall.fault("http.rate_limit", { retry_after: "0.1", times: 1 });
    assert.equal((await run("projects list")).code, 0);
  });

  test("a read is repeated while the server is unwell, three times in all", async (context) => {
    const { parall, run } = await stage(context);
    parall.fault("http.error", { status: 503, times: 2 });
    assert.equal((await run("projects list")).code, 0);
    parall.fault("http.error", { status: 503 });
    const before = parall.journal.requests.length;
    assertFailure(await run("projects list"), 2, { status: 503 });
    assert.equal(parall.journal.requests.length - before, 3);
  });
});

describe("exit code 3: no usable answer", () => {
  test("nobody is there", async () => {
    assertFailure(await command("whoami", { env: environment("http://127.0.0.1:9") }), 3, { code: "PARALL_CONNECT", status: null });
  });

  for (const [fault, options, code] of FAULTS) {
    test(fault, async (context) => {
      const { parall, run } = await stage(context);
      parall.fault(fault, options);
      assertFailure(await run(`chats get cht_Launch --timeout ${patience(code)}`), 3, { code });
    });
  }
});

describe("exit code 1: what cannot be meant", () => {
  for (const [line, expected] of [
    ["", { code: "PARALL_USAGE", message: /Usage: parall/ }],
    ["mesages list", { message: /similar subcommand.*messages/ }],
    ["tasks lst", { message: /'list'/ }],
    ["tasks list --sttus todo", { message: /'--status'/ }],
    ["tasks list --status dne", { message: /similar value exists: 'done'/ }],
    ["tasks list --limit 0", { code: "PARALL_USAGE" }],
    ["tasks list --limit 201", { code: "PARALL_USAGE" }],
    ["messages send cht_Launch", { code: "PARALL_INVALID", message: /the text cannot be used: it is empty/ }],
    ["messages send tsk_1 --text x", { code: "PARALL_WRONG_ID", message: /tsk_1 is not the id of a chat/ }],
    ["messages send Nowhere --text x", { code: "PARALL_UNKNOWN_NAME" }],
    ["messages send cht_Launch --text x --idempotency-key reply:1", { code: "PARALL_ARGUMENT" }],
    ["messages list cht_..%2F", { code: "PARALL_UNKNOWN_NAME" }],
    ["messages list Launch --before msg_1 --after msg_2", { code: "PARALL_USAGE" }],
    ["users get b", { code: "PARALL_AMBIGUOUS_NAME" }],
    ["dm me --text x", { code: "PARALL_INVALID", message: /your own/ }],
    ["dm usr_ada", { code: "PARALL_INVALID" }],
    ["tasks update #1", { code: "PARALL_UNKNOWN_NAME" }],
    ["tasks update tsk_1", { code: "PARALL_INVALID", message: /nothing is to be changed/ }],
    ["tasks comments add tsk_1 --body \u00a0", { code: "PARALL_INVALID" }],
    ["whoami --url http://127.0.0.1:1", { code: "PARALL_USAGE", message: /go together/ }],
    ["whoami --timeout never", { code: "PARALL_USAGE" }],
  ]) {
    test(line || "(nothing)", async (context) => {
      const { parall, run } = await stage(context);
      parall.addHuman({ id: "usr_bea", name: "Bea" });
      assertFailure(await run(line), 1, expected);
      assert.equal(parall.messages().length, 0);
      assert.equal(parall.store.comments.size, 0);
    });
  }

  test("a name that may mean several is answered with all of them", async (context) => {
    const { parall, run } = await stage(context);
    parall.addHuman({ id: "usr_bea", name: "Be\u001b[31ma" });
    const { error } = await run("users get b");
    assert.deepEqual(
      error.candidates.map(({ id }) => id),
      ["usr_ben", "usr_bea"],
    );
    assert.ok(!error.message.includes("\u001b"));
  });

  test("standard input that is no text, empty or endless", async (context) => {
    const { parall, run } = await stage(context);
    const send = (input) => run("messages send cht_Launch --text -", { input });
    assertFailure(await send(Buffer.from([0x61, 0xff])), 1, { message: /not UTF-8 at byte 1/ });
    assertFailure(await send("\n"), 1, { message: /empty/ });
    assertFailure(await send("é".repeat(40_000)), 1, { message: /too long|65536 is the most/ });
    assert.equal(parall.messages().length, 0);
  });
});

describe("exit code 4: nobody knows whether it was done", () => {
  test("a message whose answers are lost is sent again under its key and is there once", async (context) => {
    const { parall, run } = await stage(context);
    parall.fault("http.response_lost", { times: 2, route: "messages.post" });
    assert.equal((await run("messages send cht_Launch --text once")).code, 0);
    assert.equal(parall.messages().length, 1);
    parall.fault("http.response_lost", { route: "messages.post" });
    const failure = await run("messages send cht_Launch --text twice");
    assertFailure(failure, 4, { code: "PARALL_UNKNOWN_OUTCOME", message: /nobody knows whether the message was sent/ });
    parall.clearFaults();
    const [, key] = /idempotency key (\S+) cannot/.exec(failure.error.message);
    assert.equal((await run(`messages send cht_Launch --text twice --idempotency-key ${key}`)).code, 0);
    assert.equal(parall.messages().length, 2);
  });

  test("a refusal after a lost answer does not hide that the message may be there", async (context) => {
    const { parall, run } = await stage(context);
    parall.fault("http.response_lost", { times: 1, route: "messages.post" });
    parall.fault("http.error", { status: 403, after: 1, route: "messages.post" });
    assertFailure(await run("messages send cht_Launch --text x"), 4, { status: 403 });
    assert.equal(parall.messages().length, 1);
  });

  test("a task, a change and a comment are never repeated, and found when they are there", async (context) => {
    const { parall, run } = await stage(context);
    const old = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Plan" });
    for (const [line, route] of [
      ["tasks create --title New", "tasks.create"],
      [`tasks update ${old.id} --status done`, "tasks.change"],
      [`tasks comments add ${old.id} --body Done`, "comments.create"],
    ]) {
      parall.fault("http.response_lost", { route });
      const { code, json, err } = await run(line);
      assert.equal(code, 0, `${line}: ${err}`);
      assert.ok(json.id, line);
      assert.equal(parall.journal.requests.filter((one) => one.route === route).length, 1, "asked once");
    }
    assert.equal(parall.store.tasks.size, 2);
    assert.equal(parall.store.comments.size, 1);
  });

  test("the same words before are not taken for a write that did not happen", async (context) => {
    const { parall, run } = await stage(context);
    assert.equal((await run("tasks create --title Same")).code, 0);
    const [task] = parall.store.tasks.values();
    assert.equal((await run(`tasks comments add ${task.id} --body Same`)).code, 0);
    parall.fault("http.error", { status: 502, method: "POST" });
    parall.fault("http.error", { status: 502, method: "PATCH" });
    for (const line of [
      "tasks create --title Same",
      `tasks comments add ${task.id} --body Same`,
      `tasks update ${task.id} --status done`,
    ]) {
      assertFailure(await run(line), 4, { code: "PARALL_UNKNOWN_OUTCOME", status: 502 });
    }
    assert.equal(parall.store.tasks.size, 1);
    assert.equal(parall.store.comments.size, 1);
  });

  test("what cannot be read back stays unknown", async (context) => {
    const { parall, run } = await stage(context);
    parall.fault("http.response_lost", { route: "tasks.create" });
    parall.fault("http.error", { status: 500, route: "tasks.list", after: 1 });
    assertFailure(await run("tasks create --title New"), 4);
    assert.equal(parall.store.tasks.size, 1);
  });
});

describe("exit code 5: local files", () => {
  test("what is not there, cannot be attached or is no configuration", async (context) => {
    const { parall, run } = await stage(context);
    const folder = mkdtempSync(path.join(os.tmpdir(), "parall-command-"));
    context.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, "openclaw.json"), "{ channels: ");
    writeFileSync(path.join(folder, "empty"), "");
    assertFailure(await run(`messages send Launch --attach ${folder}/none`), 5, { code: "PARALL_FILE" });
    assertFailure(await run(`messages send Launch --text-file ${folder}/none`), 5, { code: "PARALL_FILE" });
    assertFailure(await run(`whoami --url ${parall.url} --api-key-file ${folder}/none`), 5);
    assertFailure(await run(`whoami --config ${folder}/openclaw.json`), 5, { message: /openclaw\.json:1:/ });
    assertFailure(await run(`messages send Launch --attach ${folder}/empty`), 1, { message: /is empty/ });
    assert.equal(parall.messages().length, 0);
  });

  test("a full disk behind standard output", async (context) => {
    const { parall } = await stage(context);
    const { code, err } = await shell("parall members list > /dev/full", { env: environment(parall.url) });
    assert.equal(code, 5);
    assert.match(err, /standard output/);
  });
});

describe("the command line", () => {
  test("a reader that goes away early has read enough", async (context) => {
    const { parall } = await stage(context);
    const { err } = await shell("parall members list | true", { env: environment(parall.url) });
    assert.equal(err, "");
  });

  test("lists continue at a cursor, and --all ends although the server sends one cursor for ever", async (context) => {
    const { parall, run } = await stage(context);
    for (const text of ["1", "2", "3", "4", "5"]) parall.say({ from: "usr_ada", chat: "cht_Launch", text });
    const texts = ({ json }) => json.data.map(({ content }) => content.text).join("");
    const first = await run("messages list Launch --limit 2");
    assert.equal(texts(first), "54");
    const second = await run(`messages list Launch --limit 2 --cursor ${first.json.next_cursor}`);
    assert.equal(texts(second), "32");
    const all = await run("messages list Launch --limit 2 --all");
    assert.equal(texts(all), "54321");
    assert.equal(all.json.has_more, false);
    parall.fault("list.repeated_cursor", { route: "chats.list" });
    assert.equal((await run("chats list --all")).code, 0);
  });

  test("an account comes from the host's configuration, with its includes and variables", async (context) => {
    const { parall } = await stage(context);
    const folder = mkdtempSync(path.join(os.tmpdir(), "parall-command-"));
    context.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(path.join(folder, "openclaw.json"), '{ channels: { $include: "./channels.json5" } } // mine');
    const account = `{ parall_url: "${parall.url}", org_id: "org_demo", api_key: "\${MY_KEY}" }`;
    writeFileSync(path.join(folder, "channels.json5"), `{ parall: ${account} }`);
    const env = { PATH: process.env.PATH, OPENCLAW_STATE_DIR: folder, MY_KEY: "key_agent" };
    assert.equal((await command("whoami", { env })).json.id, "usr_agent");
    assertFailure(await command("whoami --account other", { env }), 1, { message: /"other" is not configured/ });
    writeFileSync(path.join(folder, "key"), "key_ada\n");
    const flags = `--url ${parall.url} --api-key-file ${folder}/key --org-id org_demo`;
    assert.equal((await command(`whoami ${flags}`, { env })).json.id, "usr_ada");
  });

  test("the key shows up nowhere, whatever a server repeats", async (context) => {
    const { parall, run } = await stage(context);
    const key = "key_ada";
    for (const form of FORMS) {
      parall.clearFaults();
      parall.fault("http.error", { status: 400, form, message: `bad key ${key}`, code: key });
      const { out, err } = await run("whoami --json", { key });
      assert.doesNotMatch(out + err, new RegExp(key), form);
    }
  });

  test("help and completion scripts are texts", async () => {
    const env = { PATH: process.env.PATH };
    assert.match((await command("tasks create --help", { env })).out, /--due-date <DATE>/);
    for (const name of ["bash", "zsh", "fish"]) {
      const { code, out } = await command(`completions ${name}`, { env });
      assert.equal(code, 0);
      assert.match(out, /whoami/);
    }
  });

  test("no module of a host is loaded", async (context) => {
    const { parall } = await stage(context);
    const env = { ...environment(parall.url), NODE_DEBUG: "esm,module" };
    const { code, err } = await shell(`"${process.execPath}" "${PROGRAM}" whoami`, { env });
    assert.equal(code, 0);
    assert.doesNotMatch(err, /node_modules\/openclaw/);
  });
});
