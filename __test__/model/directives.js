/**
 * Directives that a message may carry for the model, as `[[name]]` or `[[name:argument]]`:
 *
 * - `[[slow:MS]]` answers after that many milliseconds
 * - `[[hold:NAME]]` answers once `NAME` is released
 * - `[[tool:NAME {json}]]` calls a tool first
 * - `[[fail]]` or `[[fail:STATUS]]` answers with an HTTP error, 500 by default, until `fail` is released
 * - `[[say:TEXT]]` answers this and nothing else; `%n` in it stands for the number of the request
 * - `[[noreply]]` answers NO_REPLY
 * - `[[tokens:N]]` reports that many prompt tokens
 *
 * Only the event itself counts, not what precedes it about earlier ones.
 *
 * @param {string} message the last user message
 */
export function parseDirectives(message) {
  const text = lastEvent(message);
  const argument = (pattern) => pattern.exec(text)?.[1];
  const tool = /\[\[tool:([\w.-]+)\s*(\{.*?\})?\s*\]\]/s.exec(text);
  const fail = /\[\[fail(?::(\d+))?\]\]/.exec(text);
  return {
    slow: Number(argument(/\[\[slow:(\d+)\]\]/) ?? 0),
    hold: argument(/\[\[hold:([\w-]+)\]\]/),
    tool: tool ? { name: tool[1], arguments: tool[2] ?? "{}" } : undefined,
    fail: fail ? Number(fail[1] ?? 500) : undefined,
    say: /\[\[noreply\]\]/.test(text) ? "NO_REPLY" : argument(/\[\[say:(.*?)\]\]/s),
    tokens: Number(argument(/\[\[tokens:(\d+)\]\]/) ?? 100),
  };
}

/**
 * What a person wrote, taken out of all that surrounds it: text of the host in front, then our header of bracketed
 * lines, an empty line, the text.
 *
 * @param {string} text
 * @returns {{ sender?: string, chat?: string, question: string }}
 */
export function readEvent(text) {
  const event = lastEvent(text);
  const header = event.slice(0, bodyStart(event));
  const name = (label) => new RegExp(`^\\[(?:${label}): \\S+(?: \\([^)]*\\))?(?: (.*))?\\]$`, "m").exec(header)?.[1];
  const question = event.slice(header.length).replaceAll(/\[\[\w+(?::.*?)?\]\]/gs, "");
  return { sender: name("From"), chat: name("Chat|Task"), question: question.replaceAll(/\s+/g, " ").trim() };
}

/** The text from the last event on; all of it without one. */
const lastEvent = (text) => text.slice(Math.max(0, text.lastIndexOf("[Event:")));

/** Where the text begins: after the first empty line that follows bracketed lines. */
function bodyStart(event) {
  const header = /^(?:\[[^\n]*\]\r?\n)+\r?\n/.exec(event);
  return header === null ? 0 : header[0].length;
}

/** A readable answer that shows what the model was asked, by whom and where; `number` makes each one different. */
export function defaultAnswer(text, number) {
  const { sender, chat, question } = readEvent(text);
  const where = chat === undefined ? "" : ` in ${chat}`;
  const short = question.length > 160 ? `${question.slice(0, 160)}...` : question;
  return `${sender ?? "Hello"}, you wrote${where}: "${short}" This is answer ${number}.`;
}
