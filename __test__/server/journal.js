import { Waiting } from "./waiting.js";

/** Milliseconds since the epoch, with fractions; processes of one machine can compare them. */
const now = () => performance.timeOrigin + performance.now();

/** What happened, for tests and for the demo's timeline. Bounded: the oldest entries go first. */
export class Journal extends Waiting {
  #limit;

  constructor(limit = 20_000) {
    super();
    this.#limit = limit;
    /** Milliseconds since the epoch; all `at` count from here. */
    this.startedAt = now();
    /** @type {{ at: number, event: string }[]} */
    this.events = [];
    /** @type {object[]} one entry a request, in the order of arrival */
    this.requests = [];
  }

  event(event, detail) {
    push(this.events, { at: now() - this.startedAt, event, ...detail }, this.#limit);
    this.changed();
  }

  /** Adds a request and gives its entry back, whose `status` is filled in with the answer. */
  request(detail) {
    const entry = { at: now() - this.startedAt, ...detail };
    push(this.requests, entry, this.#limit);
    this.changed();
    return entry;
  }
}

function push(list, entry, limit) {
  list.push(entry);
  if (list.length > limit) list.splice(0, limit >> 2);
}
