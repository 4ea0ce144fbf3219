/** A channel for tests: its control port takes `{ sessionKey, text }` and answers with what the agent said. */
import { once } from "node:events";
import { createServer } from "node:http";

const ID = "fork-probe";
const section = (cfg) => cfg?.channels?.[ID];

async function runTurn(ctx, { sessionKey, text }) {
  const { reply, session } = ctx.channelRuntime;
  const message = reply.finalizeInboundContext({
    Body: text,
    BodyForAgent: text,
    RawBody: text,
    CommandBody: text,
    BodyForCommands: text,
    From: `${ID}:person`,
    To: `${ID}:chat`,
    SessionKey: sessionKey,
    AccountId: ctx.accountId,
    ChatType: "direct",
    SenderId: "person",
    SenderName: "Person",
    Provider: ID,
    Surface: ID,
    MessageSid: `${Date.now()}-${Math.random()}`,
    Timestamp: Date.now(),
    OriginatingChannel: ID,
    OriginatingTo: `${ID}:chat`,
  });
  const storePath = session.resolveStorePath(ctx.cfg.session?.store, { agentId: "main" });
  await session.recordInboundSession({ storePath, sessionKey, ctx: message, onRecordError: () => {} });
  const said = [];
  const deliver = async ({ text: part }) => void said.push(part);
  await reply.dispatchReplyWithBufferedBlockDispatcher({ ctx: message, cfg: ctx.cfg, dispatcherOptions: { deliver } });
  return said;
}

async function startAccount(ctx) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const answer = await runTurn(ctx, JSON.parse(body)).catch((error) => ({ error: String(error.stack) }));
    response.end(JSON.stringify(answer));
  });
  server.listen(section(ctx.cfg).controlPort, "127.0.0.1");
  await once(server, "listening");
  if (!ctx.abortSignal.aborted) await once(ctx.abortSignal, "abort");
  server.closeAllConnections();
  server.close();
}

const plugin = {
  id: ID,
  meta: { id: ID, label: "Fork probe", selectionLabel: "Fork probe", docsPath: `/channels/${ID}`, blurb: "For tests." },
  capabilities: { chatTypes: ["direct"] },
  config: {
    listAccountIds: (cfg) => (section(cfg) ? ["default"] : []),
    defaultAccountId: () => "default",
    resolveAccount: (cfg) => ({ accountId: "default", enabled: true, configured: true, config: section(cfg) ?? {} }),
    isEnabled: () => true,
    isConfigured: () => true,
  },
  security: { resolveDmPolicy: () => ({ policy: "open", allowFrom: ["*"] }) },
  outbound: { deliveryMode: "direct", sendText: async () => ({ channel: ID, messageId: "1" }) },
  gateway: { startAccount },
};

export default {
  id: ID,
  name: "Fork probe",
  description: "For tests",
  configSchema: { jsonSchema: { type: "object", additionalProperties: true, properties: {} } },
  register(api) {
    if (api.registrationMode !== "cli-metadata") api.registerChannel({ plugin });
  },
};
