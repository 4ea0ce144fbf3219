/** The page on a real HTTP server that authenticates as a gateway of OpenClaw does, without the rest of one. */
import { once } from "node:events";
import { createServer } from "node:http";
import plugin from "../../../src/shim/index.js";
import { shared } from "../../../src/shim/state.js";

export const TOKEN = "test-token";

/** Starts the server. The routes are those that the plugin registers, matched as the host matches them. */
export async function startPage(t, { mode = "full" } = {}) {
  const routes = [];
  plugin.register({
    registrationMode: mode,
    runtime: shared().runtime,
    registerChannel() {},
    registerHttpRoute: (route) => routes.push(route),
  });
  const fits = ({ path, match }, pathname) => pathname === path || (match === "prefix" && pathname.startsWith(`${path}/`));
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://host");
    const route = routes.find((one) => fits(one, pathname));
    const isAllowed = route?.auth === "plugin" || request.headers.authorization === `Bearer ${TOKEN}`;
    if (!route || !isAllowed) return response.writeHead(route ? 401 : 404).end();
    return route.handler(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
    shared().accounts.clear();
  });
  const url = `http://127.0.0.1:${server.address().port}`;
  const ask = (path, { headers, ...options } = {}) =>
    fetch(`${url}${path}`, { ...options, headers: { Authorization: `Bearer ${TOKEN}`, ...headers } });
  const act = (body, headers = {}) =>
    ask("/parall/actions", { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });
  return { url, routes, ask, act };
}

/** An account as the page sees one: it shows `view` and notes what is decided. */
export function pretendAccount(accountId, view, decide = async () => {}) {
  const account = { accountId, view, looks: 0, decided: [] };
  const decision = (action) => async (id) => {
    account.decided.push([action, id]);
    await decide(action, id);
  };
  const gateway = {
    view: async () => {
      account.looks += 1;
      return JSON.stringify({ accountId, ...account.view });
    },
    retry: decision("retry"),
    dropLetter: decision("drop"),
    stop: decision("stop"),
  };
  shared().accounts.set(accountId, { gateway, restart: () => account.decided.push(["restart", accountId]) });
  return account;
}

/** Reads states from the event stream. */
export async function* states(response) {
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + chunk).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) if (frame.startsWith("data: ")) yield JSON.parse(frame.slice(6));
  }
}
