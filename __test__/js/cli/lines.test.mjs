/** Lines that others wrote: the skills of 1.12.0, and ours. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import plugin from "../../../src/shim/index.js";
import { environment, shell, stage } from "./command.mjs";

const OLD_NAME = "npx @parall/cli@latest";

async function scene(context) {
  const { parall } = await stage(context);
  const message = parall.say({ from: "usr_ada", chat: "cht_Launch", text: "When?" });
  const task = parall.assignTask({ from: "usr_ada", to: "usr_agent", title: "Plan" });
  return { parall, env: { ...environment(parall.url), MESSAGE: message.id, TASK: task.id } };
}

test("the lines of the skills of 1.12.0 work word for word under the new name", async (context) => {
  const { parall, env } = await scene(context);
  const lines = readFileSync(new URL("./skill-lines.txt", import.meta.url), "utf8")
    .trim()
    .split("\n");
  for (const line of lines) {
    assert.ok(line.startsWith(OLD_NAME), line);
    const { code, json, err } = await shell(line.replace(OLD_NAME, "parall"), { env });
    assert.deepEqual([code, err, typeof json], [0, "", "object"], line);
  }
  assert.deepEqual(
    parall.messages("cht_Launch").map(({ content }) => content.text),
    ["When?", "Hello there", "In the thread", "No answer needed"],
  );
  assert.equal(parall.store.tasks.get(env.TASK).status, "done");
  assert.deepEqual(
    [...parall.store.comments.values()].map(({ body }) => body),
    ["On it"],
  );
});

const SKILLS = fileURLToPath(new URL("../../../skills/", import.meta.url));
const TOOL_LINE = /^(parall_\w+) (\{.*\})$/;

/** The lines of a skill's fenced blocks. */
const blocksOf = (skill) =>
  [...readFileSync(`${SKILLS}${skill}/SKILL.md`, "utf8").matchAll(/^```\w*\n(.*?)^```$/gms)].flatMap(([, block]) =>
    block.trim().split("\n"),
  );

/** The people, chats, messages and tasks that the skills talk of. */
async function exampleScene(context) {
  const { parall } = await stage(context);
  parall.addHuman({ id: "usr_41ab", name: "Mira Sato" });
  parall.addHuman({ id: "usr_9e02", name: "Jon Berg" });
  parall.addChat({ id: "cht_8f2k", name: "Release planning", members: ["usr_41ab", "usr_agent"] });
  parall.fault("write.odd_message_id", { id: "msg_77q1", times: 1 });
  parall.say({ from: "usr_41ab", chat: "cht_8f2k", text: "Can you check the numbers?" });
  parall.addWiki({ slug: "kb", files: { "guide/start.md": "# Start\n" } });
  const task = parall.assignTask({ from: "usr_9e02", to: "usr_agent", title: "Compare the two suppliers" });
  return { parall, place: (line) => line.replaceAll("tsk_5c1d", task.id) };
}

for (const skill of readdirSync(SKILLS)) {
  test(`the commands of ${skill} work as they are written`, async (context) => {
    const { parall, place } = await exampleScene(context);
    const cwd = mkdtempSync(`${tmpdir()}/parall-skill-`);
    context.after(() => rmSync(cwd, { recursive: true }));
    for (const line of blocksOf(skill).filter((one) => one.includes("{baseDir}"))) {
      const options = { env: environment(parall.url), cwd };
      const { code, json, err } = await shell(place(line).replaceAll("{baseDir}", `${SKILLS}${skill}`), options);
      assert.deepEqual([code, err, typeof json], [0, "", "object"], line);
    }
  });

  test(`the tools of ${skill} work as they are written`, async (context) => {
    const { parall, place } = await exampleScene(context);
    const factories = {};
    plugin.register({ registerChannel: () => {}, registerTool: (factory, { name }) => Object.assign(factories, { [name]: factory }) });
    context.after(() => delete globalThis[Symbol.for("@parall/parall")]);
    const section = { parall_url: parall.url, api_key: "key_agent", org_id: "org_demo" };
    const session = { config: { channels: { parall: section } }, messageChannel: "parall" };
    for (const line of blocksOf(skill)) {
      const [, name, parameters] = TOOL_LINE.exec(place(line)) ?? [];
      if (name === undefined) continue;
      const tool = factories[name](session);
      const given = JSON.parse(parameters);
      for (const key of Object.keys(given)) assert.ok(key in tool.parameters.properties, `${key} in ${line}`);
      const { content } = await tool.execute("call_1", given);
      assert.ok(content[0].text.length > 0, line);
    }
  });
}
