/** The real SessionManager in a process of its own. */
import { fork } from "node:child_process";
import { once } from "node:events";

const LIMIT_MS = 60_000;

export class Oracle {
  #child = fork(new URL("./oracle-child.mjs", import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });

  /** How a fork of a transcript at a cut comes out. */
  fork(file, cut) {
    return this.#ask({ file, cut });
  }

  /** What a session that begins with this file shows its model. */
  open(file) {
    return this.#ask({ file });
  }

  async #ask(question) {
    this.#child.send(question);
    const [answer] = await once(this.#child, "message", { signal: AbortSignal.timeout(LIMIT_MS) });
    return answer;
  }

  stop() {
    this.#child.kill();
  }
}
