import { missing, Refusal } from "./errors.js";
import { faultAfter, faultBefore, faultOnBody, refuse } from "./http-faults.js";
import { agentRoutes } from "./routes/agents.js";
import { chatRoutes } from "./routes/chats.js";
import { messageRoutes } from "./routes/messages.js";
import { noticeRoutes } from "./routes/notices.js";
import { peopleRoutes } from "./routes/people.js";
import { projectRoutes } from "./routes/projects.js";
import { wikiRoutes } from "./routes/wiki.js";
import { workRoutes } from "./routes/work.js";

const PREFIX = "/api/v1";

/** The HTTP side: finds the route, checks the caller, runs the handler, writes the answer. */
export class Rest {
  #routes = new Map();

  /**
   * @param {import("./world.js").World} world
   * @param {import("./socket.js").Sockets} sockets
   * @param {() => string} origin such as `http://127.0.0.1:1234`
   */
  constructor(world, sockets, origin) {
    Object.assign(this, { world, sockets, origin });
    const ticket = ["ws.ticket", "POST", "/ws/ticket", ({ user }) => sockets.ticket(user.id)];
    const nouns = [
      peopleRoutes,
      agentRoutes,
      chatRoutes,
      messageRoutes,
      noticeRoutes,
      projectRoutes,
      workRoutes(world.choices),
      wikiRoutes,
    ];
    for (const [name, method, path, handle, options] of [ticket, ...nouns.flat()])
      this.#add({ name, method, segments: path.slice(1).split("/"), handle, ...options });
  }

  #add(route) {
    const key = `${route.method} ${route.segments.length}`;
    const bucket = this.#routes.get(key) ?? [];
    this.#routes.set(key, bucket);
    // Literal segments win over parameters, the first one that differs first: `dispatch/received` is no dispatch id.
    const rank = ({ segments }) => segments.map((segment) => (segment.startsWith(":") ? "1" : "0")).join("");
    bucket.push(route);
    bucket.sort((one, other) => rank(one).localeCompare(rank(other)));
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   */
  async handle(request, response) {
    const { world } = this;
    const { method, headers } = request;
    const [path, search = ""] = request.url.split("?", 2);
    const route = this.#find(method, path);
    const user = this.#user(headers);
    const entry = world.journal.request({
      method,
      path,
      route: route?.name ?? null,
      user: user?.id ?? null,
      status: null,
    });
    const context = { route: route?.name, method, path, user: user?.id };
    const faulty = world.faults.any;
    if (faulty && (await faultBefore({ world, request, response, context, entry }))) return;
    const limit = route?.raw || route?.bytes ? world.choices.uploadMax : world.choices.requestBodyMax;
    const bytes = await readBody(request, limit).catch(() => undefined);
    if (bytes === undefined) return;
    const answer = this.#answer({ route, user, path, headers, search, bytes, limit });
    entry.status = answer.status;
    if (faulty && (await faultAfter({ world, sockets: this.sockets, response, context, entry, answer }))) return;
    write(response, answer, faulty && answer.status < 300 ? faultOnBody(world.faults, context) : undefined);
    world.journal.changed();
  }

  #answer({ route, user, path, headers, search, bytes, limit }) {
    const { world } = this;
    try {
      if (route === undefined) throw missing("route");
      if (bytes.length > limit) throw new Refusal(413, "body too large");
      if (!route.raw && user === undefined) throw new Refusal(401, "unauthorized");
      const params = parameters(route, path);
      const org = params.org === undefined ? undefined : world.org(params.org, user.id);
      const chat = params.chat === undefined ? undefined : world.chat(params.chat, user.id);
      if (chat !== undefined && chat.org_id !== org.id) throw missing("chat");
      const call = {
        world,
        user,
        org,
        chat,
        params,
        query: new URLSearchParams(search),
        headers,
        body: route.raw || route.bytes ? bytes : parse(bytes),
        origin: this.origin(),
      };
      return framed(route.handle(call));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return refuse(error);
    } finally {
      world.commit();
    }
  }

  #find(method, path) {
    if (!path.startsWith(`${PREFIX}/`)) return undefined;
    const segments = path.slice(PREFIX.length + 1).split("/");
    const fits = (route) =>
      route.segments.every((segment, index) => segment === segments[index] || (segment.startsWith(":") && segments[index] !== ""));
    return this.#routes.get(`${method} ${segments.length}`)?.find(fits);
  }

  #user(headers) {
    const [, key] = /^Bearer (.+)$/.exec(headers.authorization ?? "") ?? [];
    const owner = this.world.store.keys.get(key);
    return owner === undefined || owner.revoked ? undefined : this.world.store.users.get(owner.user_id);
  }
}

function parameters(route, path) {
  const segments = path.slice(PREFIX.length + 1).split("/");
  const params = {};
  for (const [index, segment] of route.segments.entries()) if (segment.startsWith(":")) params[segment.slice(1)] = decode(segments[index]);
  return params;
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Refusal(400, "malformed path");
  }
}

/** The body, or its beginning when it is larger than allowed. Fails when the caller hangs up. */
async function readBody(request, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    if (size <= limit) chunks.push(chunk);
    size += chunk.length;
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

function parse(bytes) {
  if (bytes.length === 0) return {};
  let body;
  try {
    body = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new Refusal(400, "body is not JSON");
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Refusal(400, "body must be an object");
  return body;
}

/** A handler answers with an object for 200, or with `{ status, body, headers }`. */
function framed(result) {
  return Number.isInteger(result.status) && Object.hasOwn(result, "body") ? result : { status: 200, body: result };
}

/** `changed`, if given, makes the bytes of a success from its body. */
function write(response, { status, body, headers }, changed) {
  let bytes = body;
  if (body !== undefined && !Buffer.isBuffer(body) && typeof body !== "string") bytes = Buffer.from(JSON.stringify(body));
  if (changed !== undefined) bytes = changed(body);
  if (bytes === undefined) return response.writeHead(status, headers).end();
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(bytes), ...headers }).end(bytes);
}
