/** What the tests of the native part share. */
import { native as load } from "../../src/shim/native.js";
import { requireFreshAddon } from "../addon.mjs";
import { LocalParall } from "../server/server.js";

requireFreshAddon();

/** The native part as it was built for this machine. */
export const native = load();

/**
 * A seeded local server and an account of the default agent on it. `runTurn` answers every turn with an echo unless the test
 * brings its own.
 *
 * @param {import("node:test").TestContext} test ends everything when the test ends
 * @param {{ runTurn?: (turn: any, gateway: any) => Promise<any>, options?: object, server?: object }} [setup]
 */
export async function startAccount(test, { server = {}, ...setup } = {}) {
  const parall = await LocalParall.start(server);
  test.after(() => parall.close());
  const seed = parall.seed();
  const account = open(test, parall.url, setup);
  await account.until((status) => status.connected);
  return { parall, seed, ...account };
}

/** An account on a server that runs somewhere else. */
export function open(test, url, { runTurn = echo, options = {}, forks = noForks } = {}) {
  const turns = [];
  const logs = [];
  let status = {};
  const waiting = new Set();
  const gateway = native.startGateway(
    { accountId: "default", parallUrl: url, apiKey: "key_agent", orgId: "org_demo", agentId: "main", collectEvents: 1, ...options },
    {
      runTurn: async (turn) => {
        turns.push(turn);
        return runTurn(turn, gateway);
      },
      callOff: () => {},
      earlierRuns: () => [],
      followTurn: async () => ({ started: false }),
      ...forks,
      status: (patch) => {
        status = { ...status, ...JSON.parse(patch) };
        for (const check of waiting) check();
      },
      log: (level, message) => logs.push(`${level} ${message}`),
    },
  );
  test.after(() => gateway.close());
  /** Resolves with the status as soon as it satisfies `predicate`. */
  const until = (predicate, limit = 15_000) =>
    new Promise((resolve, reject) => {
      const check = () => {
        if (!predicate(status)) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve(status);
      };
      const timer = setTimeout(() => {
        waiting.delete(check);
        reject(new Error(`the status never became true; it is ${JSON.stringify(status)}\n${logs.join("\n")}`));
      }, limit);
      waiting.add(check);
      check();
    });
  return { gateway, turns, logs, until, status: () => status };
}

/** A host that cannot fork. */
export const noForks = {
  createFork: async () => null,
  removeFork: async () => undefined,
  leftoverForks: async () => [],
};

/** Answers with what was said. */
export async function echo(turn, gateway) {
  await gateway.deliver(turn.id, { kind: "final", text: `echo: ${turn.rawText}` });
  return { started: true };
}

/** A promise and its resolver. */
export function deferred() {
  let resolve;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
