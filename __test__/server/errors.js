import { CHOICES } from "./choices.js";

/** An answer that refuses a request; becomes an HTTP error with the canonical nested body. */
export class Refusal extends Error {
  /**
   * @param {number} status HTTP status
   * @param {string} message
   * @param {string} [code] stable upper-case code
   */
  constructor(status, message, code = CHOICES.errorCode[status] ?? "ERROR") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const missing = (what, choices = CHOICES) => new Refusal(choices.hiddenStatus, `${what} not found`);
export const invalid = (message) => new Refusal(422, message);

/** The forms in which error bodies were seen, and those a proxy makes of them. Each gives `[content type, body]`. */
export const ERROR_FORMS = {
  nested: ({ status, code, message }) => ["application/json", JSON.stringify({ error: { code, message, status } })],
  flat: ({ code, message }) => ["application/json", JSON.stringify({ error: message, code, message })],
  string: ({ message }) => ["application/json", JSON.stringify({ error: message })],
  html: ({ status, message }) => [
    "text/html",
    `<!doctype html><html><head><title>${status}</title></head><body><h1>${message}</h1></body></html>`,
  ],
  text: ({ message }) => ["text/plain", message],
  empty: () => ["text/plain", ""],
};
