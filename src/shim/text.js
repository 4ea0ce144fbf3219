/** Texts of others. */

/** One line: no control character, and nothing that turns or hides the rest of it. */
export const oneLine = (value) => String(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
