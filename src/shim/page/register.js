/**
 * The page `/parall` on the gateway's own HTTP server. The page itself holds nothing and is open; what it shows and does is behind
 * the gateway's own authentication.
 */

const ROUTES = [
  { path: "/parall", auth: "plugin", handle: "shell" },
  { path: "/parall/assets", auth: "plugin", match: "prefix", handle: "asset" },
  { path: "/parall/state", auth: "gateway", handle: "state" },
  { path: "/parall/events", auth: "gateway", handle: "events" },
  { path: "/parall/metrics", auth: "gateway", handle: "metrics" },
  { path: "/parall/actions", auth: "gateway", handle: "action" },
];

/**
 * Offers the routes to the host. Nothing is loaded before the first request.
 *
 * @param {any} api the host's object of the registration that owns the accounts
 */
export function registerPage(api) {
  for (const { handle, ...route } of ROUTES) {
    api.registerHttpRoute?.({
      ...route,
      // A reload registers them again.
      replaceExisting: true,
      handler: async (request, response) => {
        const { answer } = await import("./answer.js");
        await answer(handle, request, response);
        return true;
      },
    });
  }
}
