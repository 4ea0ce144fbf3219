import WebSocket from "ws";
import { Waiting } from "./waiting.js";

/** Milliseconds after which a request is given up, so that a test fails instead of hanging. */
const REQUEST_TIMEOUT = 10_000;

/** A bare client that does nothing by itself: for tests of the server. */
export class Probe {
  constructor(url, key, org = "org_demo") {
    Object.assign(this, { url, key, org });
  }

  /**
   * One request.
   *
   * @param {string} method
   * @param {string} path below `/api/v1`; `~` stands for `/orgs/<org>`
   * @param {object} [body]
   * @param {RequestInit} [options]
   * @returns {Promise<{ status: number, headers: Headers, text: string, body: any }>} `body` is undefined if not JSON
   */
  async call(method, path, body, options) {
    const response = await fetch(`${this.url}/api/v1${path.replace(/^~/, `/orgs/${this.org}`)}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT),
      ...options,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  }

  get = (path, options) => this.call("GET", path, undefined, options);
  post = (path, body, options) => this.call("POST", path, body, options);

  /** Posts a text message. */
  send(chat, text, fields) {
    return this.post(`~/chats/${chat}/messages`, { message_type: "text", content: { text }, ...fields });
  }

  /** Opens a socket with a new ticket; resolves as soon as it is open. */
  async connect({ lastSeq } = {}) {
    const { ticket, ws_url: wsUrl } = (await this.post("/ws/ticket")).body;
    return openSocket(`${wsUrl}?ticket=${ticket}${lastSeq === undefined ? "" : `&last_seq=${lastSeq}`}`);
  }
}

/** A socket that remembers its frames. */
export class ProbeSocket extends Waiting {
  /** @type {{ text: string, binary: boolean, bytes: Buffer, frame: any }[]} */
  received = [];
  closed = undefined;

  constructor(socket) {
    super();
    this.socket = socket;
    socket.on("message", (bytes, binary) => {
      const text = bytes.toString();
      this.received.push({ text, binary, bytes, frame: binary ? undefined : parse(text) });
      this.changed();
    });
    socket.on("error", (error) => {
      this.error = error;
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.changed();
    });
  }

  /** Waits for `count` frames of a type. */
  frames(type, count = 1, timeout = 10_000) {
    const find = () => {
      const frames = this.received.map(({ frame }) => frame).filter((frame) => frame?.type === type);
      return frames.length >= count ? frames : undefined;
    };
    return this.waitFor(find, timeout, `${count} ${type}`);
  }

  /** Waits for any frame that fits. */
  next(predicate, timeout = 10_000) {
    return this.waitFor(() => this.received.find(predicate), timeout, "the frame");
  }

  /** Waits for the end of the connection. */
  end(timeout = 10_000) {
    return this.waitFor(() => this.closed, timeout, "the close");
  }

  send(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  close() {
    this.socket.terminate();
  }
}

/** Opens a socket at a URL; rejects with the HTTP status when the upgrade is refused. */
export function openSocket(url) {
  const socket = new WebSocket(url, { maxPayload: 64 * 1024 * 1024, skipUTF8Validation: true });
  const probe = new ProbeSocket(socket);
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(probe));
    socket.on("unexpected-response", (_request, response) => {
      response.resume();
      reject(Object.assign(new Error(`upgrade refused with ${response.statusCode}`), { status: response.statusCode }));
    });
    socket.on("error", reject);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
