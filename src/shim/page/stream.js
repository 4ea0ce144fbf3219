/** Tells everybody who looks of every change. One look a second serves all of them; without anybody there is none. */
import { shared } from "../state.js";
import { beginStream, Refusal } from "./http.js";
import { accountsText, timed } from "./views.js";

const LOOK_MS = 1000;
/** A line that says nothing keeps proxies from closing the connection. */
const SILENCE_MS = 15_000;
/** Whoever looks for longer asks again, with a token that is still right. */
const LIFETIME_MS = 600_000;
const MOST_VIEWERS = 20;

/** @type {Set<{ response: import("node:http").ServerResponse, shown?: string, saidAt: number, isBehind: boolean }>} */
const viewers = new Set();
let timer;
let isLooking = false;

/** Serves one viewer until it goes. */
export function follow(request, response) {
  if (viewers.size >= MOST_VIEWERS) throw new Refusal(503, "PARALL_BUSY", "too many look already", { "Retry-After": "30" });
  beginStream(response, "text/event-stream; charset=utf-8", isServing() ? {} : { Connection: "close" });
  if (request.method === "HEAD") return response.end();
  const viewer = { response, saidAt: Date.now(), isBehind: false };
  viewers.add(viewer);
  const lifetime = setTimeout(() => response.end(), LIFETIME_MS).unref();
  response.on("drain", () => {
    viewer.isBehind = false;
  });
  response.on("error", () => {});
  response.on("close", () => {
    clearTimeout(lifetime);
    viewers.delete(viewer);
    if (viewers.size === 0) clearTimeout(timer);
  });
  clearTimeout(timer);
  return look();
}

async function look() {
  // A look that takes long is finished first.
  if (isLooking) return;
  isLooking = true;
  try {
    const accounts = await accountsText();
    for (const viewer of viewers) show(viewer, accounts);
    endWithAccounts();
  } finally {
    isLooking = false;
    if (viewers.size > 0) timer = setTimeout(look, LOOK_MS).unref();
  }
}

/** A gateway that ends waits for its connections, and its accounts end first. Whoever looks asks again. */
function endWithAccounts() {
  if (!isServing()) for (const { response } of viewers) response.end();
}

const isServing = () => shared().accounts.size > 0;

/** Whoever reads too slowly gets the newest state when it has read the one before. */
function show(viewer, accounts) {
  if (viewer.isBehind) return;
  const now = Date.now();
  if (viewer.shown !== accounts) say(viewer, `data: ${timed(accounts)}\n\n`, now);
  else if (now - viewer.saidAt >= SILENCE_MS) say(viewer, ":\n\n", now);
  viewer.shown = accounts;
}

function say(viewer, text, now) {
  viewer.isBehind = !viewer.response.write(text);
  viewer.saidAt = now;
}
