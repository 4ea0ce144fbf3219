/** The page: signs in, follows the gateway, and carries out what is decided. */
import { accountCard } from "./account.js";
import { confirmed } from "./dialog.js";
import { keyedChildren, setText } from "./dom.js";
import { duration, foreign } from "./format.js";
import { readStates, StreamError } from "./stream.js";

const TOKEN = "parall.token";
/** Pauses before the next attempt: after a stream that ended, and after the failures that follow each other. */
const PAUSES_MS = [1000, 1000, 2000, 5000, 10_000];
const TICK_MS = 1000;
/** What the gateway says about a token that it does not know, or not any more. */
const REFUSED = new Set([401, 403]);

const QUESTIONS = {
  retry: { title: "Retry this?", yes: "Retry", text: "It gets a new turn, with all attempts before it:" },
  drop: { title: "Drop this?", yes: "Drop", text: "Nobody gets an answer to it, and it cannot be taken back:" },
  stop: { title: "Stop this turn?", yes: "Stop", text: "What it has not sent is not sent. It becomes a dead letter:" },
};
const DONE = {
  retry: "is tried again within two seconds.",
  drop: "is dropped within two seconds.",
  stop: "is stopped.",
};

const [connection, leave, signIn, token, refusal, nobody, result, list] = [
  ...["connection", "leave", "sign-in", "token", "refusal", "nobody", "result", "accounts"],
].map((id) => document.getElementById(id));

let session;
let accounts;
/** How far the gateway's clock is ahead of this one. */
let ahead = 0;

const showAccounts = keyedChildren(
  list,
  ({ accountId }) => accountId,
  (account) => {
    const { node, update } = accountCard(account, act);
    return { node, update: (view) => update(view, Date.now() + ahead) };
  },
);

signIn.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN, token.value.trim());
  token.value = "";
  open();
});
leave.addEventListener("click", () => close("Not signed in"));
// Nobody looks at a page in the background, so the gateway has nothing to do for it.
document.addEventListener("visibilitychange", () => {
  if (sessionStorage.getItem(TOKEN) === null) return;
  if (document.hidden) session?.abort();
  else open();
});
setInterval(tick, TICK_MS);
if (sessionStorage.getItem(TOKEN) !== null) open();

/** Follows the gateway until the token is refused, somebody leaves or the page is hidden. */
async function open() {
  session?.abort();
  const mine = new AbortController();
  session = mine;
  setText(refusal, "");
  signIn.hidden = true;
  leave.hidden = false;
  setText(connection, "Connecting");
  for (let failures = 0; ; ) {
    const failure = await readStates(sessionStorage.getItem(TOKEN), mine.signal, show).catch((error) => error);
    if (mine.signal.aborted) return;
    if (failure instanceof StreamError && REFUSED.has(failure.status)) return refuse(failure.status);
    failures = failure ? failures + 1 : 0;
    const pause = PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)];
    // The gateway ends a stream from time to time, and as long as no account runs.
    if (failure) setText(connection, `The gateway does not answer; next attempt in ${duration(pause)}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (mine.signal.aborted) return;
  }
}

function refuse(status) {
  close("Not signed in");
  setText(refusal, status === 401 ? "The gateway does not know this token." : "The gateway refuses this page.");
  token.focus();
}

function close(text) {
  session?.abort();
  session = undefined;
  sessionStorage.removeItem(TOKEN);
  accounts = undefined;
  showAccounts([]);
  nobody.hidden = true;
  leave.hidden = true;
  signIn.hidden = false;
  setText(result, "");
  setText(connection, text);
}

function show(state) {
  ahead = state.at - Date.now();
  accounts = state.accounts;
  setText(connection, "Live");
  nobody.hidden = accounts.length > 0;
  tick();
}

/** Ages grow without anything new from the gateway. */
function tick() {
  if (accounts && !document.hidden) showAccounts(accounts);
}

async function act({ account, action, id }) {
  const question = QUESTIONS[action];
  if (!(await confirmed({ ...question, text: `${question.text} ${foreign(id)}` }))) return;
  setText(result, "");
  const failure = await post({ account, action, id }).catch((error) => error.message);
  result.className = failure ? "problem" : "good";
  setText(result, failure ? foreign(failure) : `${foreign(id)} ${DONE[action]}`);
}

/** @returns {Promise<string | undefined>} why it could not be done */
async function post(body) {
  const response = await fetch("parall/actions", {
    method: "POST",
    headers: { Authorization: `Bearer ${sessionStorage.getItem(TOKEN)}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return undefined;
  const answer = await response.json().catch(() => undefined);
  return answer?.error?.message ?? `The gateway answered ${response.status}.`;
}
