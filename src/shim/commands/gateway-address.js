/** Where the gateway of this machine is and what it may accept, by the host's own rules. */

const DEFAULT_PORT = 18_789;

/**
 * @param {any} cfg the host's configuration
 * @param {Record<string, string | undefined>} [environment]
 * @returns {{ origin?: string, secrets: (string | undefined)[] }} the likeliest secret first; no origin when it is on another machine
 */
export function gatewayAddress(cfg, environment = process.env) {
  const { mode, tls, port, auth = {} } = cfg?.gateway ?? {};
  if (mode === "remote") return { secrets: [] };
  const scheme = tls?.enabled ? "https" : "http";
  const origin = `${scheme}://127.0.0.1:${Number(environment.OPENCLAW_GATEWAY_PORT) || port || DEFAULT_PORT}`;
  return { origin, secrets: secretsOf(auth, environment) };
}

function secretsOf(auth, environment) {
  const isPassword = auth.mode === "password";
  const variable = isPassword ? "OPENCLAW_GATEWAY_PASSWORD" : "OPENCLAW_GATEWAY_TOKEN";
  const written = isPassword ? auth.password : auth.token;
  const named = written?.source === "env" ? environment[written.id] : written;
  const known = [environment[variable], named].filter((secret) => typeof secret === "string" && secret !== "");
  return known.length > 0 ? [...new Set(known)] : [undefined];
}
