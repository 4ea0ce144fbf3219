import { CONDITIONS } from "./conditions.js";
import { requireKnown } from "./faults.js";
import { WaitTimeout } from "./waiting.js";

const DEFAULT_WAIT = 30_000;

/**
 * The controls over HTTP, for tests in other processes: `POST /_control/<name>` with a JSON object, answered with JSON.
 * `snapshot`, `timeline`, `faults` and `ping` also answer to GET. No token: the server listens on loopback only.
 */
export class Control {
  /** @param {import("./server.js").LocalParall} server */
  constructor(server) {
    this.actions = {
      ping: () => ({ url: server.url, ws_url: server.wsUrl, pid: process.pid }),
      seed: () => ({ url: server.url, ws_url: server.wsUrl, ...server.seed() }),
      org: (options) => server.addOrg(options),
      human: (options) => server.addHuman(options),
      agent: (options) => server.addAgent(options),
      chat: (options) => server.addChat(options),
      label: (options) => server.addLabel(options),
      archive: (options) => server.archive(options),
      change_chat: (options) => server.changeChat(options),
      say: ({ no_reply: noReply, ...options }) => server.say({ noReply, ...options }),
      assign_task: (options) => server.assignTask(options),
      change_task: (options) => server.changeTask(options),
      comment: (options) => server.comment(options),
      wiki: (options) => server.addWiki(options),
      edit_wiki: (options) => server.editWiki(options),
      wiki_files: (options) => server.wikiFiles(options),
      decide_changeset: (options) => server.decideChangeset(options),
      platform_config: (options) => server.setPlatformConfig(options),
      revoke_key: ({ user }) => server.revokeKey(user),
      generation: ({ generation }) => {
        server.generation = generation;
      },
      fault: ({ name, ...options }) => ({ id: server.fault(name, options) }),
      faults: () => ({ faults: server.faults.list() }),
      clear_faults: ({ id, name }) => server.clearFaults(id ?? name),
      drop_sockets: (options) => server.dropSockets(options),
      freeze_sockets: ({ user }) => server.freezeSockets(user),
      bad_frame: ({ user, ...parameters }) => server.sendBadFrame(user, parameters),
      push_open_dispatches: ({ agent }) => server.pushOpenDispatches(agent),
      snapshot: () => server.snapshot(),
      timeline: () => ({ started_at: server.journal.startedAt, events: server.journal.events }),
      wait: (condition) => wait(server, condition),
    };
  }

  async handle(request, response) {
    const name = request.url.slice("/_control/".length).split("?", 1)[0];
    let status = 200;
    let answer;
    try {
      requireKnown(this.actions, name, "control");
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      answer = await this.actions[name](chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : {});
    } catch (error) {
      status = error instanceof WaitTimeout ? 408 : (error.status ?? 400);
      answer = { error: error.message };
    }
    const body = JSON.stringify(answer ?? {});
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) }).end(body);
  }
}

/** Long poll: answers `{ matches }` as soon as there are `count` of them, 408 after `timeout_ms`. */
async function wait(server, { kind, count = 1, timeout_ms: timeout = DEFAULT_WAIT, ...wanted }) {
  requireKnown(CONDITIONS, kind, "kind");
  const find = () => {
    const matches = CONDITIONS[kind](server, wanted);
    return matches.length >= count ? matches : undefined;
  };
  return { matches: await server.waitFor(find, timeout, `${count} ${kind} like ${JSON.stringify(wanted)}`) };
}
