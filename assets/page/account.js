/** One account: what runs, waits and failed in it. */
import { element, keyedChildren, setText } from "./dom.js";
import { count, duration, foreign, stateName } from "./format.js";
import { sparkline } from "./sparkline.js";

/**
 * @param {{ accountId: string }} account
 * @param {(request: { account: string, action: string, id: string }) => void} act
 */
export function accountCard({ accountId }, act) {
  const name = foreign(accountId);
  const heading = element("h2", {}, `Account ${name}`);
  const card = element("section", { class: "card", "aria-label": `Account ${name}` }, heading);
  const button = (action, label, id, style = "") => {
    const node = element("button", { type: "button", class: style, "aria-label": `${label} ${foreign(id)}` }, label);
    node.addEventListener("click", () => act({ account: accountId, action, id }));
    return node;
  };
  const parts = [problemsPart(), factsPart(), sparksPart(), lanesPart(button), queuePart(), deadPart(button), forksPart(), loopsPart()];
  card.append(...parts.map((part) => part.node));
  const update = (view, now) => {
    for (const part of parts) part.update(complete(view), now);
  };
  return { node: card, update };
}

/** A view that could not be read has nothing but its reason. */
function complete(view) {
  const nothing = { items: [], more: 0 };
  return {
    lanes: [],
    deadLetters: nothing,
    forks: nothing,
    loops: { agents: [], moreAgents: 0, chats: [], moreChats: 0 },
    queue: { waiting: 0, running: 0, finishing: 0, dead: 0, events: nothing },
    ...view,
  };
}

function problemsPart() {
  const node = element("ul", { "aria-label": "Problems" });
  const show = keyedChildren(node, String, () => {
    const line = element("li", { class: "problem" });
    return { node: line, update: (text) => setText(line, foreign(text)) };
  });
  return {
    node,
    update: ({ error, live }) => {
      const problems = error ? [`Nothing is known of this account: ${error}`] : (live?.problems ?? []);
      node.hidden = problems.length === 0;
      show(problems);
    },
  };
}

function factsPart() {
  const names = ["Connection", "Agent", "Waiting", "Running", "Finishing", "Given up", "Oldest", "Turns"];
  const facts = names.map((name) => ({ name, value: element("dd") }));
  const node = element("dl", { class: "facts" });
  for (const { name, value } of facts) node.append(element("div", {}, element("dt", {}, name), value));
  const [connection, agent, waiting, running, finishing, dead, oldest, turns] = facts.map(({ value }) => value);
  return {
    node,
    update: ({ live, queue }, now) => {
      setText(connection, connectionText(live));
      connection.className = live?.status.connected ? "good" : "problem";
      setText(agent, foreign(live?.agentId) || "-");
      for (const [place, number] of [
        [waiting, queue.waiting],
        [running, queue.running],
        [finishing, queue.finishing],
        [dead, queue.dead],
      ]) {
        setText(place, number.toLocaleString("en"));
      }
      setText(oldest, queue.oldestPendingAt ? duration(now - queue.oldestPendingAt) : "-");
      setText(turns, live ? `${live.activity.turns.toLocaleString("en")}, ${live.activity.failed.toLocaleString("en")} failed` : "-");
    },
  };
}

function connectionText(live) {
  if (!live) return "unknown";
  if (live.status.blocked) return "blocked";
  if (live.status.connected) return "connected";
  return live.status.reconnectAttempts > 0 ? `not connected, attempt ${live.status.reconnectAttempts}` : "not connected";
}

function sparksPart() {
  const turns = sparkline(
    (minute) => minute?.turns ?? 0,
    (values) => `${count(sum(values), "turn", "turns")} in the last hour, ${Math.max(...values)} in the busiest minute`,
  );
  const waits = sparkline(
    (minute) => minute?.longestWait ?? 0,
    (values) => `Longest wait for a turn in the last hour: ${duration(Math.max(...values))}`,
  );
  const node = element("div", { class: "sparks" }, turns.node, waits.node);
  return {
    node: element("div", {}, element("h3", {}, "Last hour"), node),
    update: ({ live }, now) => {
      for (const line of [turns, waits]) line.update(live?.activity.minutes ?? [], now);
    },
  };
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * A list under a heading.
 *
 * @param {object} part
 * @param {string} part.title
 * @param {string} part.empty what is said without any item
 * @param {(view: any) => { items: any[], more: number }} part.listed
 * @param {(item: any) => string} part.keyOf
 * @param {(item: any) => { node: Element, update: (item: any, now: number, view: any) => void }} part.make
 */
function listPart({ title, empty, listed, keyOf, make }) {
  const list = element("ul");
  const none = element("p", { class: "empty" }, empty);
  const rest = element("p", { class: "more" });
  const show = keyedChildren(list, keyOf, make);
  const update = (view, now) => {
    const { items, more } = listed(view);
    none.hidden = items.length > 0;
    list.hidden = items.length === 0;
    rest.hidden = more === 0;
    setText(rest, `and ${more.toLocaleString("en")} more`);
    show(items, now, view);
  };
  return { node: element("section", {}, element("h3", {}, title), none, list, rest), update };
}

/** A line of a list: a name, a second line, why something failed, and buttons. */
function line(id, buttons = []) {
  const [name, detail, cause] = ["name", "detail", "cause"].map((style) => element("span", { class: style }));
  setText(name, foreign(id));
  const node = element("li", { class: "entry" }, element("div", { class: "what" }, name, detail, cause));
  if (buttons.length > 0) node.append(element("div", { class: "actions" }, ...buttons));
  return { node, name, detail, cause };
}

const about = ({ target, sourceId, senderId }) =>
  [target ?? sourceId, senderId && `from ${senderId}`].filter(Boolean).map(foreign).join(" ");

function lanesPart(button) {
  return listPart({
    title: "Lanes",
    empty: "Nothing runs.",
    listed: ({ lanes }) => ({
      items: lanes.flatMap(({ sessionKey, isFork, since, events }) =>
        events.map((event) => ({ session: sessionKey, isFork, since, event })),
      ),
      more: 0,
    }),
    keyOf: (run) => `${run.session} ${run.event.id}`,
    make: ({ event: { id } }) => {
      const { node, detail } = line(id, [button("stop", "Stop", id, "danger")]);
      const update = ({ session, isFork, since, event }, now) => {
        const attempt = event.attempts > 1 ? `, attempt ${event.attempts}` : "";
        setText(detail, `${isFork ? "fork" : "main"} for ${duration(now - since)}${attempt}: ${about(event)} in ${foreign(session)}`);
      };
      return { node, update };
    },
  });
}

function queuePart() {
  return listPart({
    title: "Queue",
    empty: "Nothing waits.",
    listed: ({ queue }) => queue.events,
    keyOf: ({ id }) => id,
    make: ({ id }) => {
      const { node, detail, cause } = line(id);
      const update = (entry, now) => {
        setText(detail, `${stateName(entry.state)} for ${duration(now - entry.claimedAt)}: ${about(entry)}`);
        setText(cause, foreign(entry.cause));
      };
      return { node, update };
    },
  });
}

function deadPart(button) {
  return listPart({
    title: "Dead letters",
    empty: "Nothing was given up.",
    listed: ({ deadLetters }) => deadLetters,
    keyOf: ({ id }) => id,
    make: ({ id }) => {
      const { node, detail, cause } = line(id, [button("retry", "Retry", id), button("drop", "Drop", id, "danger")]);
      const update = (entry, now) => {
        setText(
          detail,
          `given up ${duration(now - entry.changedAt)} ago after ${count(entry.attempts, "attempt", "attempts")}: ${about(entry)}`,
        );
        setText(cause, foreign(entry.cause));
      };
      return { node, update };
    },
  });
}

function forksPart() {
  return listPart({
    title: "Forks",
    empty: "There are no forks.",
    listed: ({ forks }) => forks,
    keyOf: ({ sessionKey }) => sessionKey,
    make: ({ sessionKey }) => {
      const { node, detail } = line(sessionKey);
      const update = ({ target, state, createdAt }, now) =>
        setText(
          detail,
          `${state === "answered" ? "to be removed" : stateName(state)} for ${duration(now - createdAt)}: ${foreign(target)}`,
        );
      return { node, update };
    },
  });
}

function loopsPart() {
  return listPart({
    title: "Turns among agents",
    empty: "Agents caused no turn in the last hour.",
    listed: ({ loops }) => ({ items: [...loops.agents, ...loops.chats], more: loops.moreAgents + loops.moreChats }),
    keyOf: ({ id }) => id,
    make: ({ id }) => {
      const { node, detail } = line(id);
      const update = ({ turns, freesAt }, now, { live }) => {
        const most = live ? ` of ${live.agentTurns}` : "";
        setText(detail, `${turns}${most} in the last hour; the next one is free in ${duration(freesAt - now)}`);
      };
      return { node, update };
    },
  });
}
