/** `node rows.mjs DATABASE transcript KEY`, `... traces ID` or `... sessions`: what a host's database holds, as JSON. Reads only. */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

const [file, action, what] = process.argv.slice(2);
const database = new DatabaseSync(file, { readOnly: true });
const show = { transcript, traces, sessions }[action];
console.log(JSON.stringify(show(what)));

function transcript(sessionKey) {
  const node = database.prepare("select current_session_id as id from session_nodes where session_key = ?").get(sessionKey);
  const rows = database.prepare("select * from transcript_events where session_id = ? order by seq").all(node.id);
  return { sessionId: node.id, rows: rows.length, digest: createHash("sha256").update(JSON.stringify(rows)).digest("hex") };
}

/** Tables and columns that contain an id. */
function traces(id) {
  const tables = database.prepare("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").all();
  return tables.flatMap(({ name }) =>
    database
      .prepare(`pragma table_info("${name}")`)
      .all()
      .flatMap((column) => {
        const { count } = database
          .prepare(`select count(*) as count from "${name}" where instr(cast("${column.name}" as text), ?) > 0`)
          .get(id);
        return count > 0 ? [`${name}.${column.name}: ${count}`] : [];
      }),
  );
}

/** The session keys, transcripts that no session has, and entries that hang on none. */
function sessions() {
  const strings = (query) =>
    database
      .prepare(query)
      .all()
      .map(({ value }) => value);
  return {
    keys: strings("select session_key as value from session_nodes"),
    strays: strings(`select distinct session_id as value from transcript_events where session_id not in
      (select session_id from session_windows where session_key in (select session_key from session_nodes))`),
    broken: strings(`select event_id || ' hangs on ' || parent_id as value from transcript_event_identities as entry
      where parent_id is not null and not exists
      (select 1 from transcript_event_identities where session_id = entry.session_id and event_id = entry.parent_id)`),
  };
}
