import { closeSync, existsSync, openSync, readFileSync, truncateSync, writeSync } from "node:fs";

const COLLECTIONS = [
  "orgs",
  "users",
  "keys",
  "chats",
  "messages",
  "sent",
  "dispatches",
  "tasks",
  "comments",
  "projects",
  "labels",
  "uploads",
  "frames",
  "values",
  "wikis",
  "blobs",
  "changesets",
  "wiki_log",
];

/**
 * The server's memory: named collections of records by id, in the order of their creation.
 *
 * With a file, each change is appended to it as one JSON line `[collection, id, record]` (`null` removes). `commit` writes
 * all changes since the last one in a single call, before an answer leaves the process: what a client was answered survives
 * `kill -9`, and a message never survives without its dispatch.
 */
export class Store {
  #descriptor;
  #unwritten = [];

  /** @param {string | undefined} file where the state is kept; without it, only in memory */
  constructor(file) {
    for (const name of COLLECTIONS) this[name] = new Map();
    if (file === undefined) return;
    if (existsSync(file)) this.#load(file);
    this.#descriptor = openSync(file, "a", 0o600);
  }

  put(collection, id, record) {
    this[collection].set(id, record);
    if (this.#descriptor !== undefined) this.#unwritten.push(JSON.stringify([collection, id, record]));
    return record;
  }

  remove(collection, id) {
    this[collection].delete(id);
    if (this.#descriptor !== undefined) this.#unwritten.push(JSON.stringify([collection, id, null]));
  }

  commit() {
    if (this.#unwritten.length === 0) return;
    const bytes = Buffer.from(`${this.#unwritten.join("\n")}\n`);
    this.#unwritten = [];
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#descriptor, bytes, done);
  }

  close() {
    if (this.#descriptor === undefined) return;
    this.commit();
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** A half-written last line belongs to a change that was never answered: it is cut off. */
  #load(file) {
    const bytes = readFileSync(file);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) truncateSync(file, end);
    for (const line of bytes.toString("utf8", 0, end).split("\n")) {
      if (line === "") continue;
      const [collection, id, record] = JSON.parse(line);
      if (record === null) this[collection].delete(id);
      else this[collection].set(id, record);
    }
  }
}
