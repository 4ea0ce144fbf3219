/**
 * The faults that can be switched on, by name, with the defaults of their parameters. The name before the dot says where
 * a fault works: `http` before or after a request's handler, `list`, `ticket`, `write` when a record is made,
 * `socket` on the WebSocket.
 */
export const FAULTS = {
  "http.error": { status: 500, form: "nested", code: undefined, message: "injected failure", retry_after: undefined },
  "http.rate_limit": { status: 429, form: "nested", message: "slow down", retry_after: "0.5" },
  "http.unauthorized": { status: 401, form: "nested", code: "UNAUTHORIZED", message: "key revoked" },
  "http.redirect": { status: 307, location: "http://127.0.0.2:9/elsewhere" },
  "http.never_answer": {},
  "http.close": {},
  "http.slow": { ms: 500 },
  "http.response_lost": {},
  "http.response_withheld": {},
  "http.truncated_body": {},
  "http.stalled_body": {},
  "http.endless_body": {},
  "http.slow_body": { ms: 100 },
  "http.oversized_body": { bytes: 16 * 1024 * 1024 },
  "http.deep_body": { depth: 100_000 },
  "http.invalid_json": { body: '{"id": "msg_' },
  "http.invalid_utf8": {},
  "http.empty_body": {},
  "http.body": { status: 200, body: null },
  "http.missing_fields": { fields: ["id"] },
  "http.null_fields": { fields: ["id"] },
  "http.close_sockets": { code: undefined, reason: undefined },
  "list.no_cursor": {},
  "list.repeated_cursor": { cursor: "cursor_again" },
  "ticket.expired": {},
  "ticket.no_ws_url": {},
  "ticket.ws_url_query": { query: "region=test" },
  "ticket.ws_url": { ws_url: "ws://127.0.0.1:9/ws" },
  "write.no_sender": {},
  "write.empty_text_attachment": {},
  "write.own_message_dispatched": {},
  "write.odd_message_id": { id: "msg_a/../b.c?d=e#f" },
  "write.odd_dispatch_id": { id: "dsp_a/../b.c?d=e#f" },
  "socket.upgrade_refused": { status: 503 },
  "socket.upgrade_never_answered": {},
  "socket.no_hello": {},
  "socket.heartbeat_interval": { seconds: 1 },
  "socket.hello_fields": { data: {} },
  "socket.no_pong": {},
  "socket.half_open": {},
  "socket.goodbye": { code: 1001, reason: "going away" },
  "socket.close_on_event": { code: undefined, reason: undefined },
  "socket.duplicate_frame": {},
  "socket.seq_gap": { gap: 5 },
  "socket.lost_frame": {},
  "socket.listed_and_pushed": {},
  "socket.bad_frame": { kind: "not_json", depth: undefined, bytes: undefined },
};

/** Bad frames by kind, for `socket.bad_frame` and for `sendBadFrame`. Each gives `[data, binary]`. */
export const BAD_FRAMES = {
  not_json: () => ["this is not JSON", false],
  truncated_json: () => ['{"type":"dispatch.new","seq":', false],
  not_object: () => ["[1,2,3]", false],
  no_type: () => ['{"data":{}}', false],
  wrong_types: () => ['{"type":7,"seq":"x","data":"y"}', false],
  unknown_type: () => ['{"type":"weather.changed","data":{"sky":"blue"}}', false],
  missing_fields: () => ['{"type":"dispatch.new","data":{"event_type":"message"}}', false],
  null_data: () => ['{"type":"dispatch.new","data":null}', false],
  odd_ids: () => [
    '{"type":"dispatch.new","data":{"id":"../../dsp","source_type":"message","source_id":"../users/me?x#y","status":"pending"}}',
    false,
  ],
  huge_seq: () => ['{"type":"weather.changed","seq":1e300}', false],
  empty: () => ["", false],
  binary: () => [Buffer.from('{"type":"dispatch.new","data":{"id":"dsp_binary"}}'), true],
  invalid_utf8: () => [Buffer.from([0x7b, 0xff, 0xfe, 0xc3, 0x28, 0x7d]), false],
  deep: ({ depth = 100_000 }) => [`{"type":"dispatch.new","data":${"[".repeat(depth)}${"]".repeat(depth)}}`, false],
  huge: ({ bytes = 16 * 1024 * 1024 }) => [JSON.stringify({ type: "weather.changed", data: { padding: "x".repeat(bytes) } }), false],
};

/** The faults now switched on. */
export class Faults {
  #active = [];
  #nextId = 1;

  /** Whether any fault is on: the hot path asks nothing else. */
  get any() {
    return this.#active.length > 0;
  }

  /**
   * Switches a fault on.
   *
   * @param {string} name one of {@link FAULTS}
   * @param {{ times?: number, after?: number, route?: string, method?: string, path?: string, user?: string, type?: string }} [options]
   *   `times` uses, then off (default: until cleared); `after` matches pass untouched first. Filters are regular
   *   expressions on the route name, method, path, user id and frame type. All else are parameters of the fault.
   * @returns {string} id of the fault
   */
  add(name, options = {}) {
    requireKnown(FAULTS, name, "fault");
    const { times = Number.POSITIVE_INFINITY, after = 0, route, method, path, user, type, ...parameters } = options;
    for (const parameter of Object.keys(parameters)) requireKnown(FAULTS[name], parameter, `parameter of ${name}`);
    if (parameters.kind !== undefined) requireKnown(BAD_FRAMES, parameters.kind, "bad frame");
    const filters = Object.entries({ route, method, path, user, type }).filter(([, pattern]) => pattern !== undefined);
    const id = `fault_${this.#nextId++}`;
    this.#active.push({
      id,
      name,
      left: times,
      skip: after,
      used: 0,
      filters: filters.map(([key, pattern]) => [key, new RegExp(pattern)]),
      parameters: { ...FAULTS[name], ...parameters },
    });
    return id;
  }

  /** Switches off one fault, or all. */
  clear(id) {
    this.#active = id === undefined ? [] : this.#active.filter((fault) => fault.id !== id && fault.name !== id);
  }

  /**
   * Uses a fault if it is on and fits.
   *
   * @returns {object | undefined} its parameters
   */
  take(name, context) {
    if (this.#active.length === 0) return undefined;
    const fault = this.#active.find((one) => one.name === name && matches(one, context));
    if (fault === undefined) return undefined;
    if (fault.skip > 0) {
      fault.skip -= 1;
      return undefined;
    }
    fault.used += 1;
    fault.left -= 1;
    if (fault.left <= 0) this.clear(fault.id);
    return fault.parameters;
  }

  list() {
    return this.#active.map(({ id, name, left, used, parameters }) => ({
      id,
      name,
      left: Number.isFinite(left) ? left : null,
      used,
      parameters,
    }));
  }
}

/** A misspelt name would make a test pass for the wrong reason. */
export function requireKnown(table, name, what) {
  if (!Object.hasOwn(table, name)) throw new TypeError(`unknown ${what}: ${name}; known: ${Object.keys(table).join(", ") || "none"}`);
}

function matches(fault, context) {
  return fault.filters.every(([key, pattern]) => pattern.test(context?.[key] ?? ""));
}
