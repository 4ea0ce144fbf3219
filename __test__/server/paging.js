import { Refusal } from "./errors.js";

/**
 * One page of a list. The cursor is the id of the last item of the page before.
 *
 * @param {object[]} items in the order of the answer
 * @param {URLSearchParams} query `limit` and `cursor`
 * @param {string} key the field that tells items apart
 */
export function page(items, query, choices, key = "id") {
  const limit = limitOf(query, choices);
  const cursor = query.get("cursor");
  return cut(items, cursor ? startAfter(items, cursor, key) : 0, limit, key);
}

/** The item of the cursor may have left the list since; ids grow with time. */
function startAfter(items, cursor, key) {
  const position = items.findIndex((item) => item[key] === cursor);
  if (position >= 0) return position + 1;
  const next = items.findIndex((item) => item[key] > cursor);
  return next >= 0 ? next : items.length;
}

/** Messages by `before` or `after` (ids), newest first; with `after` oldest first from there. */
export function messagePage(oldestFirst, query, choices) {
  const limit = limitOf(query, choices);
  const before = query.get("before") ?? query.get("cursor");
  const after = query.get("after");
  if (before && after) throw new Refusal(400, "before and after exclude each other");
  if (after) return cut(oldestFirst, positionOf(oldestFirst, after) + 1, limit);
  const older = before ? oldestFirst.slice(0, positionOf(oldestFirst, before)) : oldestFirst;
  return cut(choices.messagesNewestFirst ? older.toReversed() : older, 0, limit);
}

function cut(items, start, limit, key = "id") {
  const data = items.slice(start, start + limit);
  const hasMore = start + limit < items.length;
  return { data, has_more: hasMore, ...(hasMore && { next_cursor: data.at(-1)[key] }) };
}

function limitOf(query, { pageSize, pageSizeMax }) {
  const limit = Number(query.get("limit") ?? pageSize);
  if (!Number.isInteger(limit) || limit < 1) throw new Refusal(400, "limit must be a positive number");
  return Math.min(limit, pageSizeMax);
}

function positionOf(items, id) {
  const position = items.findIndex((item) => item.id === id);
  if (position < 0) throw new Refusal(400, "unknown cursor");
  return position;
}
