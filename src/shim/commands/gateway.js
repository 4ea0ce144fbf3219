/** The gateway that runs on this machine, as a command reaches it: over HTTP at its own address. */
import { gatewayAddress } from "./gateway-address.js";

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
export async function askGateway(cfg, path, body) {
  const { origin, secrets } = gatewayAddress(cfg);
  if (origin === undefined) throw new GatewayError("the configuration names a gateway on another machine");
  let answer;
  for (const secret of secrets) {
    answer = await request(origin, path, secret, body);
    if (answer.status !== 401) break;
  }
  const value = await answer.json().catch(() => undefined);
  if (answer.ok && value !== undefined) return value;
  if (value?.error?.code) throw new GatewayError(value.error.message, value.error.code);
  throw new GatewayError(
    answer.status === 401 ? "the gateway does not know the token that is configured here" : `the gateway answered ${answer.status}`,
  );
}

async function request(origin, path, secret, body) {
  try {
    return await fetch(`${origin}${path}`, {
      method: body ? "POST" : "GET",
      headers: { ...(secret ? { Authorization: `Bearer ${secret}` } : {}), ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
      redirect: "error",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw new GatewayError(`no gateway answers at ${origin} (${error.cause?.code ?? error.name})`);
  }
}
