import { randomUUID } from "node:crypto";
import { WebSocketServer } from "ws";
import { BAD_FRAMES, requireKnown } from "./faults.js";

/** The WebSocket side: tickets, `hello`, heartbeat, replay, frames. */
export class Sockets {
  #server = new WebSocketServer({ noServer: true, maxPayload: 1024 * 1024, perMessageDeflate: false });
  #tickets = new Map();
  #open = new Map();
  #silent = new Set();

  /**
   * @param {import("./world.js").World} world
   * @param {() => string} wsUrl such as `ws://127.0.0.1:1234/ws`
   */
  constructor(world, wsUrl) {
    Object.assign(this, { world, wsUrl });
    world.deliver = (userId, frame) => this.deliver(userId, frame);
    world.isOnline = (userId) => this.of(userId).length > 0;
  }

  /** A new ticket; its answer may be changed by a fault. */
  ticket(userId) {
    const { faults, choices } = this.world;
    const context = { user: userId };
    const ticket = randomUUID();
    const expires = Date.now() + (faults.take("ticket.expired", context) ? -1 : choices.ticketLifetime);
    for (const [old, { expires: end }] of this.#tickets) {
      if (end >= Date.now()) break;
      this.#tickets.delete(old);
    }
    this.#tickets.set(ticket, { userId, expires });
    const answer = { ticket, ws_url: this.wsUrl(), expires_at: new Date(expires).toISOString() };
    if (faults.take("ticket.no_ws_url", context)) delete answer.ws_url;
    const query = faults.take("ticket.ws_url_query", context);
    if (query) answer.ws_url += `?${query.query}`;
    const other = faults.take("ticket.ws_url", context);
    if (other) answer.ws_url = other.ws_url;
    return answer;
  }

  /** Handles the `upgrade` event of the HTTP server. */
  upgrade(request, stream, head) {
    const [path, ...search] = request.url.split("?");
    const query = new URLSearchParams(search.join("?"));
    const ticket = this.#tickets.get(query.get("ticket"));
    this.#tickets.delete(query.get("ticket"));
    const context = { user: ticket?.userId };
    const entry = this.world.journal.request({
      method: "UPGRADE",
      path,
      route: "ws.connect",
      user: context.user ?? null,
      status: 101,
      query: [...query.keys()],
      last_seq: query.get("last_seq"),
    });
    stream.on("error", () => stream.destroy());
    if (this.world.faults.take("socket.upgrade_never_answered", context)) return;
    const refusal = this.world.faults.take("socket.upgrade_refused", context);
    if (refusal) entry.status = refusal.status;
    else if (path !== "/ws") entry.status = 404;
    else if (ticket === undefined || ticket.expires < Date.now()) entry.status = this.world.choices.badTicketStatus;
    if (entry.status !== 101) return stream.end(`HTTP/1.1 ${entry.status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    this.#server.handleUpgrade(request, stream, head, (socket) => this.#opened(socket, ticket.userId, Number(query.get("last_seq") ?? 0)));
  }

  #opened(socket, userId, lastSeq) {
    const { faults, choices, journal } = this.world;
    const context = { user: userId };
    const sockets = this.#open.get(userId) ?? new Set();
    this.#open.set(userId, sockets.add(socket));
    journal.event("socket.open", { user: userId, last_seq: lastSeq });
    socket.on("error", () => socket.terminate());
    socket.on("close", (code) => {
      sockets.delete(socket);
      clearTimeout(socket.silence);
      journal.event("socket.close", { user: userId, code });
    });
    socket.on("message", (data) => this.#received(socket, userId, data));
    const seconds = faults.take("socket.heartbeat_interval", context)?.seconds ?? choices.heartbeatInterval;
    socket.interval = Math.max(seconds, 1) * 1000;
    if (faults.take("socket.no_hello", context)) return;
    const hello = faults.take("socket.hello_fields", context)?.data ?? { heartbeat_interval: seconds };
    socket.send(JSON.stringify({ type: "hello", data: hello }));
    this.#expectPing(socket);
    if (faults.take("socket.half_open", context)) this.#freeze(socket);
    for (const frame of lastSeq > 0 && choices.replaysFrames ? this.world.frames(userId) : [])
      if (frame.seq > lastSeq) this.#send(socket, userId, frame);
    if (faults.take("socket.listed_and_pushed", context)) {
      for (const dispatch of this.world.openDispatches(userId).values()) this.world.push(dispatch);
      this.world.commit();
    }
    const goodbye = faults.any && faults.take("socket.goodbye", { ...context, type: "hello" });
    if (goodbye) socket.close(goodbye.code, goodbye.reason);
  }

  #received(socket, userId, data) {
    this.#expectPing(socket);
    let frame;
    try {
      frame = JSON.parse(data.toString());
    } catch {
      return socket.close(1007, "not JSON");
    }
    if (frame?.type !== "ping" || this.#silent.has(socket)) return;
    this.world.journal.event("ping", { user: userId });
    if (!this.world.faults.take("socket.no_pong", { user: userId })) socket.send(JSON.stringify(this.world.choices.pong(frame.data)));
  }

  #expectPing(socket) {
    const { silentIntervals, silentCloseCode } = this.world.choices;
    clearTimeout(socket.silence);
    socket.silence = setTimeout(() => socket.close(silentCloseCode, "no heartbeat"), socket.interval * silentIntervals);
  }

  /** From now on this end neither reads nor writes, as when a cable is cut: the other end gets no sign of it. */
  #freeze(socket) {
    this.#silent.add(socket);
    clearTimeout(socket.silence);
    socket.pause();
    socket.on("close", () => this.#silent.delete(socket));
  }

  /** Makes the open sockets of a user half open. */
  freeze(userId) {
    for (const socket of this.of(userId)) this.#freeze(socket);
  }

  /** Open sockets of a user, or of all. */
  of(userId) {
    return userId === undefined ? [...this.#open.values()].flatMap((sockets) => [...sockets]) : [...(this.#open.get(userId) ?? [])];
  }

  /** Number of open sockets by user. */
  counts() {
    return Object.fromEntries([...this.#open].map(([userId, sockets]) => [userId, sockets.size]));
  }

  deliver(userId, frame) {
    for (const socket of this.#open.get(userId) ?? []) this.#send(socket, userId, frame);
  }

  #send(socket, userId, frame) {
    if (this.#silent.has(socket)) return;
    const { faults } = this.world;
    const text = JSON.stringify(frame);
    if (faults.any && this.#sendFaulty(socket, { user: userId, type: frame.type }, text)) return;
    socket.send(text);
  }

  #sendFaulty(socket, context, text) {
    const { faults } = this.world;
    const bad = faults.take("socket.bad_frame", context);
    if (bad) sendBad(socket, bad);
    const goodbye = faults.take("socket.goodbye", context);
    if (goodbye) socket.close(goodbye.code, goodbye.reason);
    const closing = faults.take("socket.close_on_event", context);
    if (closing) close(socket, closing);
    if (faults.take("socket.duplicate_frame", context)) socket.send(text);
    return Boolean(goodbye || closing || faults.take("socket.lost_frame", context));
  }

  /** Sends a bad frame now, outside of all numbering. */
  sendBadFrame(userId, parameters) {
    for (const socket of this.of(userId)) sendBad(socket, parameters);
  }

  /**
   * Closes sockets: with a close frame when a code is given, else by cutting the connection.
   *
   * @param {{ user?: string, code?: number, reason?: string }} [options]
   */
  drop({ user, code, reason } = {}) {
    for (const socket of this.of(user)) close(socket, { code, reason });
  }

  close() {
    this.drop();
    this.#server.close();
  }
}

function close(socket, { code, reason }) {
  if (code === undefined) socket.terminate();
  else socket.close(code, reason);
}

function sendBad(socket, { kind, ...parameters }) {
  requireKnown(BAD_FRAMES, kind, "bad frame");
  const [data, binary] = BAD_FRAMES[kind](parameters);
  socket.send(data, { binary });
}
