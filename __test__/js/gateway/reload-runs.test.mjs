/** Hot reloads in the middle of turns: the runs of the host continue, whoever serves the account. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { announceEnd, announceStart, callOff, deliverPart, earlierRuns, followTurn, startRun } from "../../../src/shim/gateway/runs.js";
import { shared } from "../../../src/shim/state.js";
import { LocalParall } from "../../server/server.js";
import { deferred, native, noForks } from "../support.mjs";

const RELOADS = 200;
const ACCOUNT = "default";

describe("a storm of reloads in the middle of tools", () => {
  it("runs no tool twice, loses no answer and doubles none", { timeout: 300_000 }, async (test) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "parall-reloads-"));
    const parall = await LocalParall.start();
    test.after(async () => {
      await parall.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const { direct, agent } = parall.seed();
    const tools = new Map();
    let tool = deferred();
    let began = deferred();
    const runTurn = (turn) =>
      startRun(ACCOUNT, turn, async (_signal, outcome) => {
        outcome.started = true;
        tools.set(turn.messageId, (tools.get(turn.messageId) ?? 0) + 1);
        began.resolve();
        await tool.promise;
        await deliverPart(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
      });
    let gateway = await start(parall.url, folder, runTurn);
    const asked = [];
    for (let reload = 0; reload < RELOADS; reload += 1) {
      asked.push(parall.say({ from: "usr_ada", chat: direct.ada, text: `Hello ${reload}` }).id);
      await began.promise;
      began = deferred();
      await stop(gateway);
      const before = tool;
      tool = deferred();
      // Every other tool ends while nobody serves the account.
      if (reload % 2 === 0) before.resolve();
      gateway = await start(parall.url, folder, runTurn);
      before.resolve();
      await parall.waitForMessage(({ content }) => content.text === `echo: Hello ${reload}`, 20_000);
    }
    await stop(gateway);
    assert.deepEqual(
      [...tools.entries()],
      asked.map((id) => [id, 1]),
    );
    const answers = parall.messages(direct.ada).filter(({ sender_id: sender }) => sender === agent.id);
    assert.deepEqual(
      answers.map(({ content }) => content.text),
      asked.map((_, number) => `echo: Hello ${number}`),
    );
  });

  it("calls a run off that no start takes over in time", async (test) => {
    test.mock.timers.enable({ apis: ["setTimeout"] });
    let signal;
    const outcome = startRun("gone", { id: "turn-gone", sessionKey: "agent:main", target: "cht_1" }, async (given) => {
      signal = given;
      await deliverPart("turn-gone", { kind: "final", text: "too late" });
    });
    announceEnd("gone");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(earlierRuns("gone"), [{ id: "turn-gone", sessionKey: "agent:main", target: "cht_1" }]);
    assert.equal(signal.aborted, false);
    test.mock.timers.tick(10_000);
    assert.deepEqual(await outcome, { started: false, error: "the turn was called off", isCalledOff: true });
  });
});

async function start(url, folder, runTurn) {
  const connected = deferred();
  const gateway = native.startGateway(
    { accountId: ACCOUNT, parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", stateDir: folder, collectEvents: 1 },
    {
      ...{ runTurn, callOff, earlierRuns: () => earlierRuns(ACCOUNT), followTurn },
      ...noForks,
      status: (patch) => JSON.parse(patch).connected && connected.resolve(),
      log: () => undefined,
    },
  );
  shared().accounts.set(ACCOUNT, { gateway });
  announceStart(ACCOUNT);
  await connected.promise;
  return gateway;
}

async function stop(gateway) {
  shared().accounts.delete(ACCOUNT);
  announceEnd(ACCOUNT);
  await gateway.close();
}
