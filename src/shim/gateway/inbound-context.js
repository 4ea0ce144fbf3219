/**
 * The host's description of an inbound message.
 *
 * What people write in Parall is text and never a command of the host: a command acts on the session that all chats share, and
 * Parall does not say who may give one. Hosts look for commands in `BodyForCommands`, `CommandBody`, `RawBody` and `Body`, in
 * this order, and some look behind bracketed prefixes and inside of sentences, so all four get the same neutral words. The text
 * is in `BodyForAgent` alone, unless files come with it: hosts of the first half of 2026 then show the agent `Body` with the text of the
 * files instead. Commands are not looked for there as long as the other three say something.
 */
import { messageSid } from "../channel/message-sid.js";

/** No command, no directive, no word that ends a run, no link, no mention. */
export const NO_COMMAND = "A message from Parall";

/**
 * Hosts of the first half of 2026 also cut directives such as `/model x` out of the agent's text, and join its lines, but not
 * in front of this marker, which they write themselves between a history and a message.
 */
const MARKER = "[Current message - respond to this]";
const AFTER_MARKER = "The event above.";
/** A directive begins with a slash after white space. */
const MAY_HOLD_DIRECTIVE = /(?:^|\s)\//;

/** @param {any} ctx what the host gave `startAccount` @param {any} turn see `Turn` in `index.d.ts` */
export function inboundContext(ctx, turn) {
  const text = agentText(turn.text);
  return {
    Body: turn.media?.length > 0 ? text : NO_COMMAND,
    BodyForAgent: text,
    RawBody: NO_COMMAND,
    CommandBody: NO_COMMAND,
    BodyForCommands: NO_COMMAND,
    CommandAuthorized: false,
    From: `parall:${turn.senderId}`,
    To: turn.target,
    OriginatingChannel: "parall",
    OriginatingTo: turn.target,
    SessionKey: turn.sessionKey.toLowerCase(),
    AccountId: ctx.accountId,
    ChatType: turn.chatType,
    ConversationLabel: turn.conversationLabel,
    SenderName: turn.senderName,
    SenderId: turn.senderId,
    Provider: "parall",
    Surface: "parall",
    MessageSid: messageSid(turn, ctx.abortSignal, ctx.accountId),
    Timestamp: turn.timestamp,
    ...(turn.threadRootId ? { MessageThreadId: turn.threadRootId } : {}),
    ...mediaOf(turn),
  };
}

/** The files of a message. Older hosts read lists of paths and types, newer ones `media`; with both each file is shown once. */
function mediaOf({ media, messageId }) {
  if (!media?.length) return {};
  const paths = media.map((file) => file.path);
  const types = media.map((file) => file.mimeType);
  return {
    MediaPath: paths[0],
    MediaPaths: paths,
    MediaType: types[0],
    MediaTypes: types,
    media: media.map((file) => ({ path: file.path, contentType: file.mimeType, messageId })),
  };
}

/** The text as the host will show it: unchanged, with a last line that protects it where it could be taken for directives. */
function agentText(text) {
  const safe = text.replaceAll(MARKER, "(Current message - respond to this)");
  return MAY_HOLD_DIRECTIVE.test(safe) ? `${safe}\n\n${MARKER} ${AFTER_MARKER}` : safe;
}
