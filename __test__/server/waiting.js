/** Nothing came in time. */
export class WaitTimeout extends Error {}

/** Those who wait until something is so. */
export class Waiting {
  #looks = new Set();

  /** Looks again for everybody who waits. */
  changed() {
    for (const look of this.#looks) look();
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
        this.#looks.delete(look);
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
      this.#looks.add(look);
      look();
    });
  }
}
