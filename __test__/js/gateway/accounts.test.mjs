/** Two agents of Parall in one process: accounts with keys, journals and answers of their own. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { LocalParall } from "../../server/server.js";
import { open } from "../support.mjs";

const LIMIT = 30_000;

test("two accounts answer what is said to each, also to both at once, and one that is refused holds up no other", async (t) => {
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "parall-accounts-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const parall = await LocalParall.start();
  t.after(() => parall.close());
  const seed = parall.seed();
  const other = parall.addAgent({ id: "usr_work", name: "Wren", key: "key_work" });
  const first = open(t, parall.url, { options: { stateDir } });
  const second = open(t, parall.url, { options: { stateDir, accountId: "work", apiKey: "key_work" } });
  const refused = open(t, parall.url, { options: { stateDir, accountId: "home", apiKey: "key_nobody" } });
  await Promise.all([first, second].map((account) => account.until((status) => status.connected)));
  const chat = parall.addChat({ type: "group", members: ["usr_ada", "usr_agent", other.id] }).id;
  parall.say({ from: "usr_ada", chat, text: "both?", mentions: ["usr_agent", other.id] });
  parall.say({ from: "usr_ben", chat: seed.direct.ben, text: "one?" });
  const answers = (id) => parall.messages(id).filter((message) => ["usr_agent", other.id].includes(message.sender_id));
  await parall.waitFor(() => (answers(chat).length === 2 && answers(seed.direct.ben).length === 1) || undefined, LIMIT, "three answers");
  assert.deepEqual(
    answers(chat)
      .map((message) => message.sender_id)
      .sort(),
    ["usr_agent", other.id],
  );
  const sessions = [first, second].map(({ turns }) => [...new Set(turns.map((turn) => turn.sessionKey))]);
  assert.deepEqual(sessions, [["agent:main:parall:default-usr_agent"], ["agent:main:parall:work-usr_work"]]);
  await refused.until((status) => status.blocked);
  for (const { gateway } of [first, second, refused]) await gateway.close();
  const journals = readdirSync(path.join(stateDir, "parall")).filter((name) => name.endsWith(".sqlite"));
  assert.deepEqual(journals.sort(), ["default.sqlite", "home.sqlite", "work.sqlite"]);
});
