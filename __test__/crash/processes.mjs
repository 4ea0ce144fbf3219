/** The two processes of a storm: the Parall server and the account. Both can be killed at any moment and started again. */
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SERVER = fileURLToPath(new URL("../server/main.js", import.meta.url));
const HOST = fileURLToPath(new URL("host.mjs", import.meta.url));
/** A host that echoes, and dies or hangs on request. */
export const ECHO_HOST = fileURLToPath(new URL("echo-host.mjs", import.meta.url));

/** Ends a process and waits until it is gone. */
async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

/** The local Parall server with its state in a file; it comes back at the same port. */
export class Server {
  #child;
  #port = 0;

  constructor(stateFile) {
    this.stateFile = stateFile;
  }

  async start() {
    const parameters = [SERVER, "--state", this.stateFile, "--port", String(this.#port), "--generation", "inbox", "--seed"];
    this.#child = spawn(process.execPath, parameters, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(this.#child.stdout, "data");
    const { url, port } = JSON.parse(line);
    this.#port = port;
    this.url = url;
    return this;
  }

  kill() {
    return end(this.#child, "SIGKILL");
  }

  /** A control, as `__test__/server/control.js` knows it. */
  async control(name, body = {}) {
    const response = await fetch(`${this.url}/_control/${name}`, { method: "POST", body: JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${name}: ${answer.error}`);
    return answer;
  }
}

/** One life of the account. Emits `turn` when a turn starts, `change` when the status does and `exit` when it is over. */
export class Account extends EventEmitter {
  #child;

  /**
   * @param {{ url: string, folder: string, seed?: number }} options `folder`: where its state is
   * @param {(line: string) => void} [log]
   * @param {string} [program] which host it has
   */
  constructor(options, log = () => {}, program = HOST) {
    super();
    this.status = {};
    /** What its turns were asked. */
    this.turns = [];
    this.#child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdin.on("error", () => {});
    this.#child.on("exit", () => this.emit("exit"));
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const { event, status, level, message, text } = JSON.parse(line);
      if (event === "turn") this.turns.push(text);
      if (event === "log" && level !== "debug") log(`${level} ${message}`);
      if (event === "status") Object.assign(this.status, status);
      this.emit(event === "status" ? "change" : event);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  kill() {
    return end(this.#child, "SIGKILL");
  }

  /** Asks the account to stop; resolves to the exit code. */
  async close() {
    await end(this.#child, "SIGTERM");
    return this.#child.exitCode;
  }

  /** Resolves as soon as the status, or anything else, satisfies `predicate`. */
  async until(predicate, what, limit = 30_000) {
    const signal = AbortSignal.timeout(limit);
    while (!predicate(this)) {
      await Promise.race([once(this, "change", { signal }), once(this, "turn", { signal })]).catch((cause) => {
        throw new Error(`${what} never came; the status is ${JSON.stringify(this.status)}`, { cause });
      });
    }
  }
}
