import { createServer } from "node:http";
import { CHOICES } from "./choices.js";
import { Control } from "./control.js";
import { Faults } from "./faults.js";
import { Journal } from "./journal.js";
import { Rest } from "./rest.js";
import { seed } from "./seed.js";
import { snapshot } from "./snapshot.js";
import { Sockets } from "./socket.js";
import { addAgent, addChat, addHuman, addLabel, addOrg, archive, changeChat, revokeKey, say, setPlatformConfig } from "./staging.js";
import { Store } from "./store.js";
import { addComment, changeTask, createTask } from "./tasks.js";
import { addWiki, editWiki, findWiki, mergeChangeset, rejectChangeset, wikiFiles } from "./wiki.js";
import { World } from "./world.js";

const HOST = "127.0.0.1";
/** Milliseconds an idle connection stays open: longer than any test, so that no reuse meets a closing connection. */
const KEEP_ALIVE = 600_000;
const GENERATIONS = ["inbox", "events", "both"];

/**
 * A Parall server on loopback, for tests and for the demo.
 *
 * ```js
 * const parall = await LocalParall.start();
 * const { org, agent, direct } = parall.seed();
 * parall.say({ from: "usr_ada", chat: direct.ada, text: "Hello" });
 * await parall.waitForMessage((message) => message.sender_id === agent.id, 5000);
 * await parall.close();
 * ```
 */
export class LocalParall {
  #generation;
  #http;
  #connections = new Set();

  /**
   * Starts a server.
   *
   * @param {{ port?: number, stateFile?: string, generation?: "inbox" | "events" | "both", choices?: object }} [options]
   *   `generation`: which of the two ways of telling an agent is spoken; `events` answers 404 on the inbox routes
   * @returns {Promise<LocalParall>}
   */
  static async start(options = {}) {
    const server = new LocalParall(options);
    await server.#listen(options.port ?? 0);
    return server;
  }

  constructor({ stateFile, generation = "both", choices = {} }) {
    this.generation = generation;
    this.journal = new Journal();
    this.faults = new Faults();
    this.store = new Store(stateFile);
    this.world = new World(this.store, {
      choices: { ...CHOICES, ...choices },
      faults: this.faults,
      journal: this.journal,
      generation: () => this.#generation,
      origin: () => this.url,
    });
    this.sockets = new Sockets(this.world, () => this.wsUrl);
    this.rest = new Rest(this.world, this.sockets, () => this.url);
    this.control = new Control(this);
  }

  get generation() {
    return this.#generation;
  }

  set generation(generation) {
    if (!GENERATIONS.includes(generation)) throw new TypeError(`generation must be one of ${GENERATIONS.join(", ")}`);
    this.#generation = generation;
  }

  async #listen(port) {
    this.#http = createServer((request, response) => {
      const part = request.url.startsWith("/_control/") ? this.control : this.rest;
      part.handle(request, response).catch((error) => {
        this.journal.event("server.error", { error: String(error?.stack ?? error) });
        response.destroy(error);
      });
    });
    this.#http.keepAliveTimeout = KEEP_ALIVE;
    this.#http.on("upgrade", (request, stream, head) => this.sockets.upgrade(request, stream, head));
    this.#http.on("connection", (stream) => {
      this.#connections.add(stream.setNoDelay(true));
      stream.on("close", () => this.#connections.delete(stream));
    });
    await new Promise((resolve, reject) => this.#http.once("error", reject).listen(port, HOST, resolve));
    this.port = this.#http.address().port;
    this.url = `http://${HOST}:${this.port}`;
    this.wsUrl = `ws://${HOST}:${this.port}/ws`;
  }

  /** Makes the default organisation unless it is there: see seed.js. */
  seed() {
    return this.#change(() => seed(this.world));
  }

  addOrg(options) {
    return this.#change(() => addOrg(this.world, options));
  }

  addHuman(options) {
    return this.#change(() => addHuman(this.world, options));
  }

  addAgent(options) {
    return this.#change(() => addAgent(this.world, options));
  }

  addChat(options) {
    return this.#change(() => addChat(this.world, options));
  }

  addLabel(options) {
    return this.#change(() => addLabel(this.world, options));
  }

  /** Puts a chat or a task away. */
  archive(options) {
    return this.#change(() => archive(this.world, options));
  }

  /** Changes a chat's fields and tells its members. */
  changeChat(options) {
    return this.#change(() => changeChat(this.world, options));
  }

  /** Writes a message as somebody; see staging.js for the options. */
  say(options) {
    return this.#change(() => say(this.world, options));
  }

  /** Creates a task for somebody: `{ from, to, title, description?, org? }`. */
  assignTask({ from, to, org = "org_demo", ...fields }) {
    return this.#change(() => createTask(this.world, from, org, { ...fields, assignee_id: to }));
  }

  /** Changes a task as somebody: `{ from, task, ...fields }`. */
  changeTask({ from, task, org = "org_demo", ...fields }) {
    return this.#change(() => changeTask(this.world, from, this.world.task(task, org), fields));
  }

  /** Comments on a task as somebody: `{ from, task, text }`. */
  comment({ from, task, text, org = "org_demo" }) {
    return this.#change(() => addComment(this.world, from, org, { target_uri: `prll://${task}`, body: text }));
  }

  /** Adds a wiki: `{ slug, name?, files?, from? }`; see wiki.js. */
  addWiki({ from = "usr_ada", ...options }) {
    return this.#change(() => addWiki(this.world, from, options));
  }

  /** Changes the files of a wiki as somebody: `{ wiki, write?, remove?, from? }`. */
  editWiki({ from = "usr_ada", ...options }) {
    return this.#change(() => editWiki(this.world, from, options));
  }

  /** The files of a wiki as `{ version, files: { path: text } }`. */
  wikiFiles(options) {
    return wikiFiles(this.world, options);
  }

  /** Merges a changeset as somebody, or rejects it with `feedback`: `{ wiki, changeset, feedback?, from? }`. */
  decideChangeset({ wiki: key, changeset: id, feedback, from = "usr_ada", org = "org_demo" }) {
    return this.#change(() => {
      const wiki = findWiki(this.world, org, key);
      const changeset = this.store.changesets.get(id);
      if (feedback === undefined) return mergeChangeset(this.world, from, wiki, changeset);
      return rejectChangeset(this.world, from, wiki, changeset, { body: feedback });
    });
  }

  /** Sets the platform config and tells all agents: `{ version, schema_version?, config }`. */
  setPlatformConfig(config) {
    return this.#change(() => setPlatformConfig(this.world, config));
  }

  /** Makes a user's keys worthless, closes the sockets opened with them. */
  revokeKey(userId) {
    this.#change(() => revokeKey(this.world, userId));
    this.sockets.drop({ user: userId, code: this.world.choices.revokedCloseCode, reason: "key revoked" });
  }

  #change(action) {
    try {
      return action();
    } finally {
      this.world.commit();
    }
  }

  /** Switches a fault on; see faults.js for names, filters and parameters. Returns its id. */
  fault(name, options) {
    return this.faults.add(name, options);
  }

  /** Switches off the fault of this id or name, or all. */
  clearFaults(idOrName) {
    this.faults.clear(idOrName);
  }

  /** Closes sockets: `{ user?, code?, reason? }`; without a code the connection is cut. */
  dropSockets(options) {
    this.sockets.drop(options);
  }

  /** From now on the open sockets of a user neither read nor write. */
  freezeSockets(userId) {
    this.sockets.freeze(userId);
  }

  /** Sends a bad frame now: `(userId, { kind, ...parameters })`, kinds as in faults.js. */
  sendBadFrame(userId, parameters) {
    this.sockets.sendBadFrame(userId, parameters);
  }

  /** Pushes the open dispatches of an agent once more, each with a new number. */
  pushOpenDispatches(agentId) {
    this.#change(() => {
      for (const dispatch of this.world.openDispatches(agentId).values()) this.world.push(dispatch);
    });
  }

  /** Messages of a chat, or of all chats, oldest first. */
  messages(chatId) {
    return [...(chatId === undefined ? this.world.messages : this.world.chatMessages(chatId))];
  }

  /** Waits for a message, also one that is there already. Each message is looked at once. */
  waitForMessage(predicate, timeout) {
    let next = 0;
    const find = () => {
      while (next < this.world.messages.length) {
        const message = this.world.messages[next++];
        if (predicate(message)) return message;
      }
    };
    return this.waitFor(find, timeout, "the message");
  }

  /** Waits until `find` gives something; asked after each request and event. */
  waitFor(find, timeout, what) {
    return this.journal.waitFor(find, timeout, what);
  }

  snapshot() {
    return snapshot(this);
  }

  /** Ends every connection and the server. */
  async close() {
    this.sockets.close();
    const closed = new Promise((resolve) => this.#http.close(resolve));
    for (const stream of this.#connections) stream.destroy();
    await closed;
    this.store.close();
  }
}
