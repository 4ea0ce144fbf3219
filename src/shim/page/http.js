/** What all answers of the page have in common. */

/** Most bytes of a request. */
const MOST_BYTES = 4096;

const HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};

/** Why a request is not served. */
export class Refusal extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

/**
 * Refuses what another site makes a browser ask for. The gateway's token does not come by itself, but other ways of its
 * authentication may.
 */
export function refuseCrossSite({ headers }) {
  const site = headers["sec-fetch-site"];
  const isForeign = site === undefined ? !isOwn(headers) : site !== "same-origin" && site !== "none";
  if (isForeign) throw new Refusal(403, "PARALL_CROSS_SITE", "requests of other sites are refused");
}

/** Browsers name the origin of every request that could change something or be read by a foreign script. */
function isOwn({ origin, host }) {
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host;
}

export function send(response, status, type, content, headers = {}) {
  response.writeHead(status, { ...HEADERS, ...headers, "Content-Type": type, "Content-Length": Buffer.byteLength(content) });
  response.end(response.req?.method === "HEAD" ? undefined : content);
}

export function sendJson(response, status, value, headers) {
  send(response, status, "application/json", JSON.stringify(value), headers);
}

/** Begins an answer that goes on. */
export function beginStream(response, type, headers) {
  // Proxies that collect answers would hold it back.
  response.writeHead(200, { ...HEADERS, ...headers, "Content-Type": type, "X-Accel-Buffering": "no" });
}

/** A small JSON object. A form of another site cannot send this type. */
export async function readBody(request) {
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    throw new Refusal(415, "PARALL_BODY", "the body must be application/json");
  }
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Refusal(413, "PARALL_BODY", `the body is longer than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    const value = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Answered below.
  }
  throw new Refusal(400, "PARALL_BODY", "the body must be a JSON object");
}
