import { Waiting } from "./waiting.js";

/** What happened, for tests and for the demo's timeline. Bounded: the oldest entries go first. */
export class Journal extends Waiting {
  #limit;

  constructor(limit = 20_000) {
    super();
    this.#limit = limit;
    /** Milliseconds since the epoch; all `at` count from here. */
    this.startedAt = Date.now();
    /** @type {{ at: number, event: string }[]} */
    this.events = [];
    /** @type {object[]} one entry a request, in the order of arrival */
    this.requests = [];
  }

  event(event, detail) {
    push(this.events, { at: Date.now() - this.startedAt, event, ...detail }, this.#limit);
    this.changed();
  }

  /** Adds a request and gives its entry back, whose `status` is filled in with the answer. */
  request(detail) {
    const entry = { at: Date.now() - this.startedAt, ...detail };
    push(this.requests, entry, this.#limit);
    return entry;
  }
}

function push(list, entry, limit) {
  list.push(entry);
  if (list.length > limit) list.splice(0, limit >> 2);
}
