/** Stand-ins for a host and for the native part, between which the shim is tested. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach } from "node:test";
import { startAccount } from "../../../src/shim/gateway/lifecycle.js";
import { plugin } from "../../../src/shim/plugin.js";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8"));
export const SECTION = { parall_url: "https://parall.example", api_key: "agk_secret", org_id: "org_1" };
export const CFG = { channels: { parall: SECTION } };
export const TURN = {
  id: "turn_1",
  sessionKey: "Agent:Main:Parall:Default",
  text: "[Event: message.new]\n\nHello",
  rawText: "Hello",
  target: "cht_Ab1",
  chatType: "group",
  conversationLabel: "Launch",
  senderId: "usr_1",
  senderName: "Mira",
  messageId: "msg_1",
  threadRootId: "msg_0",
  timestamp: 1_700_000_000_000,
};

/** What stands in for the native part in the running test. */
export let addon;

/** Gives each test of a file a native part of its own, and a shim that remembers nothing. */
export function useStandIns() {
  beforeEach(() => {
    addon = fakeAddon();
    delete globalThis[Symbol.for("@parall/parall")];
    globalThis[Symbol.for(`@parall/parall/native@${version}`)] = addon;
  });
  afterEach(() => {
    delete globalThis[Symbol.for("@parall/parall")];
    delete globalThis[Symbol.for(`@parall/parall/native@${version}`)];
  });
}

export function start({ cfg = CFG, channel } = {}) {
  const controller = new AbortController();
  const account = { logged: [], status: {}, abort: () => controller.abort() };
  account.ctx = { ...contextOf({ cfg, channel, account }), abortSignal: controller.signal };
  account.promise = startAccount(account.ctx);
  account.end = () => {
    controller.abort();
    return account.promise;
  };
  return account;
}

export function contextOf({ cfg = CFG, channel = fakeHost().channel, account = { logged: [], status: {} } }) {
  const write = (level) => (message) => account.logged.push({ level, message });
  return {
    cfg,
    accountId: "default",
    account: plugin.config.resolveAccount(cfg),
    channelRuntime: channel,
    log: { info: write("info"), warn: write("warn"), error: write("error") },
    getStatus: () => account.status,
    setStatus: (next) => {
      account.status = next;
    },
  };
}

/** A host whose dispatch does what `behaviour` says. */
export function fakeHost(behaviour = async () => {}) {
  const host = { dispatched: [], recorded: [] };
  host.channel = {
    reply: {
      finalizeInboundContext: (context) => ({ ...context }),
      dispatchReplyWithBufferedBlockDispatcher: async (request) => {
        host.dispatched.push(request);
        await behaviour(request);
      },
    },
    session: {
      resolveStorePath: (store, { agentId }) => `${store ?? ""}/${agentId}`,
      recordInboundSession: async (record) => host.recorded.push(record),
    },
  };
  return host;
}

function fakeAddon() {
  const started = [];
  const sent = [];
  const sendOnce = async (...parameters) => {
    sent.push(parameters);
    return "msg_once";
  };
  return {
    started,
    sent,
    sendText: sendOnce,
    sendMedia: sendOnce,
    startGateway: (options, host) => {
      const record = { options, host, closed: 0, sent: [] };
      const ended = new Promise((resolve) => {
        record.fail = resolve;
      });
      const send = async (...parameters) => {
        record.sent.push(parameters);
        return "msg_gateway";
      };
      record.gateway = {
        ended: () => ended,
        deliver: async () => {},
        sendText: send,
        sendMedia: send,
        close: async () => {
          record.closed += 1;
        },
      };
      started.push(record);
      return record.gateway;
    },
  };
}

/** Whether a promise is settled once everything that can run has run. */
export async function settled(promise) {
  const pending = Symbol("pending");
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}
