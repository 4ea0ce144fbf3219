import { setTimeout as sleep } from "node:timers/promises";
import { CHOICES } from "./choices.js";
import { ERROR_FORMS } from "./errors.js";

/** Faults that answer with an error. */
const REFUSING = ["http.error", "http.rate_limit", "http.unauthorized"];
/** Faults that make sense for lists only. */
const LIST = ["list.no_cursor", "list.repeated_cursor"];

/** Half of a body, and then the end of the connection or nothing at all. */
const CUT_BODIES = [
  ["http.truncated_body", (response) => response.socket.destroy()],
  ["http.stalled_body", () => {}],
];

/** The answer to a refused request, in one of the error forms. */
export function refuse({ status, code = CHOICES.errorCode[status] ?? "ERROR", message, form = "nested", headers }) {
  const [contentType, body] = ERROR_FORMS[form]({ status, code, message });
  return { status, body, headers: { "content-type": contentType, ...headers } };
}

/**
 * Faults that strike before the handler runs: nothing is stored.
 *
 * @returns {Promise<boolean>} whether the request is done with
 */
export async function faultBefore({ world, request, response, context, entry }) {
  const take = (name) => {
    const parameters = world.faults.take(name, context);
    if (parameters) entry.fault = name;
    return parameters;
  };
  const slow = take("http.slow");
  if (slow) await sleep(slow.ms);
  if (take("http.never_answer")) {
    request.resume();
    return true;
  }
  if (take("http.close")) {
    request.socket.destroy();
    return true;
  }
  const redirect = take("http.redirect");
  if (redirect) return send(request, response, entry, { status: redirect.status, body: "", headers: { location: redirect.location } });
  const other = take("http.body");
  if (other) {
    const headers = { "content-type": "application/json" };
    return send(request, response, entry, { status: other.status, body: JSON.stringify(other.body), headers });
  }
  for (const name of REFUSING) {
    const refusal = take(name);
    if (refusal === undefined) continue;
    const headers = refusal.retry_after === undefined ? undefined : { "retry-after": String(refusal.retry_after) };
    return send(request, response, entry, refuse({ ...refusal, headers }));
  }
  return false;
}

function send(request, response, entry, { status, body, headers }) {
  request.resume();
  entry.status = status;
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
  return true;
}

/**
 * Faults that strike after the handler: what it did stays done.
 *
 * @returns {Promise<boolean>} whether the request is done with
 */
export async function faultAfter({ world, sockets, response, context, entry, answer }) {
  const closing = world.faults.take("http.close_sockets", context);
  if (closing) {
    entry.fault = "http.close_sockets";
    sockets.drop({ user: context.user, ...closing });
  }
  if (world.faults.take("http.response_lost", context)) {
    entry.fault = "http.response_lost";
    response.socket.destroy();
    return true;
  }
  if (world.faults.take("http.response_withheld", context)) {
    entry.fault = "http.response_withheld";
    return true;
  }
  if (world.faults.take("http.endless_body", context)) {
    entry.fault = "http.endless_body";
    endless(response);
    return true;
  }
  const slow = world.faults.take("http.slow_body", context);
  if (slow) {
    entry.fault = "http.slow_body";
    drip(response, answer, slow.ms);
    return true;
  }
  for (const [name, end] of CUT_BODIES) {
    if (!world.faults.take(name, context)) continue;
    entry.fault = name;
    const text = JSON.stringify(answer.body ?? {});
    response.writeHead(answer.status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) + 1 });
    response.write(text.slice(0, text.length / 2), () => end(response));
    return true;
  }
  return false;
}

/** A body without end and without a length, as fast as it is taken. */
function endless(response) {
  const piece = Buffer.alloc(64 * 1024, "x");
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.writeHead(200, { "content-type": "application/octet-stream" }).on("drain", more);
  more();
}

/** A byte at a time. */
function drip(response, { status, body, headers }, pause) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body ?? {}));
  let sent = 0;
  const timer = setInterval(() => {
    if (response.destroyed) return clearInterval(timer);
    response.write(bytes.subarray(sent, ++sent));
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, pause);
  response.writeHead(status, { "content-type": "application/json", "content-length": bytes.length, ...headers });
  response.flushHeaders();
}

/**
 * A fault that changes the body of a success.
 *
 * @returns {((body: unknown) => string | Buffer) | undefined}
 */
export function faultOnBody(faults, context) {
  for (const [name, change] of Object.entries(BODY_CHANGES)) {
    if (LIST.includes(name) && !context.route?.match(/\.(list|replies|chats)$/)) continue;
    const parameters = faults.take(name, context);
    if (parameters) return (body) => change(body, parameters);
  }
  return undefined;
}

const BODY_CHANGES = {
  "http.oversized_body": (body, { bytes }) => JSON.stringify({ ...body, padding: "x".repeat(bytes) }),
  "http.deep_body": (body, { depth }) =>
    `${JSON.stringify(body ?? {}).slice(0, -1)},"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`.replace("{,", "{"),
  "http.invalid_json": (_body, { body }) => body,
  "http.invalid_utf8": (body) =>
    Buffer.concat([Buffer.from('{"text":"'), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from(`","body":${JSON.stringify(body ?? null)}}`)]),
  "http.empty_body": () => "",
  "http.missing_fields": (body, { fields }) =>
    JSON.stringify(eachObject(body, (object) => Object.fromEntries(Object.entries(object).filter(([key]) => !fields.includes(key))))),
  "http.null_fields": (body, { fields }) =>
    JSON.stringify(eachObject(body, (object) => ({ ...object, ...Object.fromEntries(fields.map((field) => [field, null])) }))),
  "list.no_cursor": ({ next_cursor, ...body }) => JSON.stringify({ ...body, has_more: true }),
  "list.repeated_cursor": (body, { cursor }) => JSON.stringify({ ...body, has_more: true, next_cursor: cursor }),
};

/** Applies a change to the object of an answer, or to each object of a list. */
function eachObject(body, change) {
  return Array.isArray(body?.data) ? { ...body, data: body.data.map(change) } : change(body ?? {});
}
