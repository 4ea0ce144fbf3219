/** The thread that reads the host's database, seen from the gateway's. */
import { existsSync } from "node:fs";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { packageFolder } from "../state.js";

/** How long a batch of rows is waited for, in milliseconds. */
const ANSWER_MS = 10_000;
/** How long the thread is kept without work, in milliseconds. */
const IDLE_MS = 60_000;

/** The rows cannot be read in this way: no database, one that is locked, or tables that we do not know. */
export class RowsError extends Error {}

/** The rows of one transcript, newest first. */
export class Rows {
  static #thread;
  static #last = 0;
  #id;
  #question;

  /** @param {{ file: string, sessionKey: string, sessionId: string }} place */
  constructor(place) {
    this.#id = ++Rows.#last;
    this.#question = { action: "open", ...place };
  }

  /**
   * The next older rows, about so many bytes, as the native part takes them.
   *
   * @returns {Promise<{ rows: Uint8Array, isAll: boolean }>}
   */
  async next(bytes) {
    const question = { ...this.#question, id: this.#id, bytes };
    if (question.action === "open" && !existsSync(question.file)) throw new RowsError("there is no database where one is expected");
    this.#question = { action: "next" };
    const { error, ...answer } = await Rows.#shared().ask(question);
    if (error !== undefined) throw new RowsError(error);
    return answer;
  }

  close() {
    Rows.#thread?.tell({ id: this.#id, action: "close" });
  }

  static #shared() {
    if (Rows.#thread?.isEnded !== false) Rows.#thread = new Thread();
    return Rows.#thread;
  }
}

/** Ends when it has had nothing to do for a while, and never keeps the process alive. */
class Thread {
  isEnded = false;
  #worker;
  #waiting = new Map();
  #timer;

  constructor() {
    try {
      this.#worker = new Worker(path.join(packageFolder(), "src", "shim", "forks", "rows.js"));
    } catch (error) {
      throw new RowsError(error.message);
    }
    this.#worker.on("message", ({ id, ...answer }) => this.#settle(id, answer));
    this.#worker.on("error", (error) => this.#end(error.message));
    this.#worker.on("exit", () => this.#end("the thread that reads the database ended"));
    this.#worker.unref();
  }

  ask(question) {
    clearTimeout(this.#timer);
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#settle(question.id, { error: "the database does not answer" }), ANSWER_MS);
      this.#waiting.set(question.id, { resolve, limit });
      this.#worker.postMessage(question);
    });
  }

  tell(message) {
    this.#worker.postMessage(message);
  }

  #settle(id, answer) {
    const question = this.#waiting.get(id);
    if (!question) return;
    this.#waiting.delete(id);
    clearTimeout(question.limit);
    question.resolve(answer);
    if (this.#waiting.size > 0 || this.isEnded) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop(), IDLE_MS);
    this.#timer.unref();
  }

  #stop() {
    this.isEnded = true;
    this.#worker.terminate();
  }

  #end(error) {
    this.isEnded = true;
    clearTimeout(this.#timer);
    for (const id of [...this.#waiting.keys()]) this.#settle(id, { error });
  }
}
