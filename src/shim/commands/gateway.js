/**
 * The gateway that runs on this machine, as a command reaches it: over HTTP at its own address, with the secret that the host's
 * configuration or environment has.
 */

const DEFAULT_PORT = 18_789;
const LIMIT_MS = 3000;

/** Why the gateway could not be asked, or what it refused. */
export class GatewayError extends Error {
  constructor(message, code = "PARALL_GATEWAY") {
    super(message);
    this.code = code;
  }
}

/**
 * @param {any} cfg the host's configuration
 * @param {string} path
 * @param {object} [body] makes it a POST
 * @returns {Promise<any>} what it answers
 */
export async function askGateway(cfg, path, body, environment = process.env) {
  const { gateway = {} } = cfg ?? {};
  if (gateway.mode === "remote") throw new GatewayError("the configuration names a gateway on another machine");
  const port = Number(environment.OPENCLAW_GATEWAY_PORT) || gateway.port || DEFAULT_PORT;
  const url = `${gateway.tls?.enabled ? "https" : "http"}://127.0.0.1:${port}${path}`;
  let answer;
  for (const secret of secretsOf(gateway.auth, environment)) {
    answer = await request(url, secret, body);
    if (answer.status !== 401) break;
  }
  const value = await answer.json().catch(() => undefined);
  if (answer.ok && value !== undefined) return value;
  if (value?.error?.message) throw new GatewayError(value.error.message, value.error.code);
  throw new GatewayError(
    answer.status === 401 ? "the gateway does not know the token that is configured here" : `the gateway answered ${answer.status}`,
  );
}

async function request(url, secret, body) {
  try {
    return await fetch(url, {
      method: body ? "POST" : "GET",
      headers: { ...(secret ? { Authorization: `Bearer ${secret}` } : {}), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw new GatewayError(`no gateway answers at ${new URL(url).origin} (${error.cause?.code ?? error.name})`);
  }
}

/** What the gateway may accept, the likeliest first. */
function secretsOf(auth = {}, environment) {
  const variable = auth.mode === "password" ? "OPENCLAW_GATEWAY_PASSWORD" : "OPENCLAW_GATEWAY_TOKEN";
  const written = auth.mode === "password" ? auth.password : auth.token;
  const named = written?.source === "env" ? environment[written.id] : written;
  const known = [environment[variable], named].filter((secret) => typeof secret === "string" && secret !== "");
  return known.length > 0 ? [...new Set(known)] : [undefined];
}
