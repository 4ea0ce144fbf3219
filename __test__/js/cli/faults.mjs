/** What a server does wrong, and what a command says then. */
import assert from "node:assert/strict";

/** The forms in which servers put a refusal. */
export const FORMS = ["nested", "flat", "string", "html", "text", "empty"];

/** Answers that cannot be used: fault, its options, and the code of the error. */
export const FAULTS = [
  ["http.never_answer", {}, "PARALL_TIMEOUT"],
  ["http.stalled_body", {}, "PARALL_TIMEOUT"],
  ["http.close", {}, "PARALL_INTERRUPTED"],
  ["http.truncated_body", {}, "PARALL_INTERRUPTED"],
  ["http.redirect", {}, "PARALL_REDIRECT"],
  ["http.invalid_json", {}, "PARALL_MALFORMED"],
  ["http.invalid_utf8", {}, "PARALL_MALFORMED"],
  ["http.empty_body", {}, "PARALL_MALFORMED"],
  ["http.deep_body", {}, "PARALL_MALFORMED"],
  ["http.oversized_body", {}, "PARALL_TOO_LARGE"],
  ["http.body", { body: "<html>" }, "PARALL_MALFORMED"],
  ["http.missing_fields", { fields: ["id"] }, "PARALL_MALFORMED"],
  ["http.null_fields", { fields: ["id"] }, "PARALL_MALFORMED"],
];

/** How many seconds a command may take: only what never comes has to be waited for. */
export const patience = (code) => (code === "PARALL_TIMEOUT" ? 0.4 : 15);

/** Fails with this exit code, nothing on standard output and an error object in its documented shape. */
export function assertFailure({ code, out, err, error }, exit, expected = {}) {
  assert.equal(code, exit, `${out}${err}`);
  assert.equal(out, "");
  assert.deepEqual(Object.keys(error).slice(0, 4), ["code", "message", "status", "retry_after"]);
  assert.ok(error.message.length > 0);
  for (const [key, value] of Object.entries(expected)) {
    if (value instanceof RegExp) assert.match(error[key], value);
    else assert.deepEqual(error[key], value, key);
  }
}
