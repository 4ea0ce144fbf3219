/** Requests of the page: who may ask what, and what comes back. */
import { native } from "../native.js";
import { act } from "./actions.js";
import { assetFor } from "./assets.js";
import { Refusal, readBody, refuseCrossSite, send, sendJson } from "./http.js";
import { follow } from "./stream.js";
import { accountViews, stateText } from "./views.js";

/** What a page may do: run its own scripts, use its own styles, talk to its own server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HANDLERS = {
  shell: { method: "GET", isPublic: true, run: (request, response) => shell(request, response) },
  asset: { method: "GET", isPublic: true, run: (request, response) => asset(request, response) },
  state: { method: "GET", run: async (_request, response) => send(response, 200, "application/json", await stateText()) },
  events: { method: "GET", run: (request, response) => follow(request, response) },
  metrics: {
    method: "GET",
    run: async (_request, response) =>
      send(response, 200, "text/plain; version=0.0.4; charset=utf-8", native().metricsText(await accountViews())),
  },
  action: { method: "POST", run: async (request, response) => sendJson(response, 200, await act(await readBody(request))) },
};

/**
 * Answers a request. Never rejects: what goes wrong is the answer.
 *
 * @param {keyof typeof HANDLERS} name
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
export async function answer(name, request, response) {
  const { method, isPublic = false, run } = HANDLERS[name];
  try {
    if (request.method !== method && !(method === "GET" && request.method === "HEAD")) {
      throw new Refusal(405, "PARALL_METHOD", `only ${method} is known here`, { Allow: method });
    }
    if (!isPublic) refuseCrossSite(request);
    await run(request, response);
  } catch (error) {
    const { status = 500, headers = {}, code = "PARALL_PAGE", message } = error;
    if (response.headersSent) response.destroy();
    else sendJson(response, status, { error: { code, message } }, headers);
  }
}

async function shell(request, response) {
  // The page's own addresses are relative, so that it works behind a proxy with a path of its own.
  if (pathOf(request).endsWith("/")) return send(response, 308, "text/plain; charset=utf-8", "", { Location: "../parall" });
  const { type, content } = await assetFor("index.html");
  return send(response, 200, type, content, { "Content-Security-Policy": POLICY });
}

async function asset(request, response) {
  const found = await assetFor(pathOf(request).split("/").at(-1));
  if (!found) throw new Refusal(404, "PARALL_NOT_FOUND", "there is no such file");
  send(response, 200, found.type, found.content);
}

const pathOf = (request) => request.url.split("?", 1)[0];
