/** `node rows.mjs DATABASE transcript KEY` or `... traces ID`: what a host's database holds, as JSON. Reads only. */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";

const [file, action, what] = process.argv.slice(2);
const database = new DatabaseSync(file, { readOnly: true });
const show = { transcript, traces }[action];
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
