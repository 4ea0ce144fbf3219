/**
 * What happened, for tests and for the demo's timeline. Bounded: the oldest entries go first.
 */
export class Journal {
  #limit;
  #waiting = new Set();

  constructor(limit = 20_000) {
    this.#limit = limit;
    this.startedAt = Date.now();
    /** @type {{ at: number, event: string }[]} events with milliseconds since the start */
    this.events = [];
    /** @type {object[]} one entry a request, in the order of arrival */
    this.requests = [];
  }

  event(event, detail) {
    push(this.events, { at: Date.now() - this.startedAt, event, ...detail }, this.#limit);
    this.changed();
  }

  request(entry) {
    push(this.requests, entry, this.#limit);
    return entry;
  }

  /** Looks again for everybody who waits. */
  changed() {
    for (const look of this.#waiting) look();
  }

  /**
   * Waits until `find` gives something.
   *
   * @template T
   * @param {() => T | undefined} find asked at once and after each change
   * @param {number} timeout milliseconds
   * @param {string} [what] for the error
   * @returns {Promise<T>}
   */
  waitFor(find, timeout, what = "the awaited event") {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const look = () => {
        try {
          const found = find();
          if (found !== undefined) end(resolve, found);
        } catch (error) {
          end(reject, error);
        }
      };
      const timer = setTimeout(() => end(reject, new WaitTimeout(`${what} did not come within ${timeout} ms`)), timeout);
      this.#waiting.add(look);
      look();
    });
  }
}

export class WaitTimeout extends Error {}

function push(list, entry, limit) {
  list.push(entry);
  if (list.length > limit) list.splice(0, limit >> 2);
}
