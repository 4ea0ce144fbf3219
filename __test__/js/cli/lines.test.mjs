/** Lines that others wrote: the skills of 1.12.0, and ours. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
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
