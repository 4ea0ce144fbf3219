import { missing, Refusal } from "../errors.js";
import { page } from "../paging.js";
import {
  createChangeset,
  filesOf,
  findWiki,
  hashOf,
  mergeChangeset,
  rejectChangeset,
  storeBlob,
  updateChangeset,
  wikiView,
} from "../wiki.js";
import { cachedTreeItems, changesetDiff, changesetFiles } from "../wiki-diff.js";

const WIKI = "/orgs/:org/wikis/:wiki";

/** Wikis and changesets. All of it is our choice. */
export const wikiRoutes = [
  ["wikis.list", "GET", "/orgs/:org/wikis", listWikis],
  ["wikis.get", "GET", WIKI, (call) => wikiView(wikiOf(call))],
  ["wikis.tree.list", "GET", `${WIKI}/tree`, tree],
  ["wikis.blob", "GET", `${WIKI}/blobs/:hash`, blob],
  ["wikis.store_blob", "PUT", `${WIKI}/blobs/:hash`, putBlob, { bytes: true }],
  ["changesets.list", "GET", `${WIKI}/changesets`, listChangesets],
  ["changesets.create", "POST", `${WIKI}/changesets`, (call) => ({ status: 201, body: create(call) })],
  ["changesets.get", "GET", `${WIKI}/changesets/:changeset`, (call) => view(call.world, changesetOf(call))],
  ["changesets.update", "PATCH", `${WIKI}/changesets/:changeset`, update],
  ["changesets.diff", "GET", `${WIKI}/changesets/:changeset/diff`, diff],
  ["changesets.merge", "POST", `${WIKI}/changesets/:changeset/merge`, (call) => decide(call, mergeChangeset)],
  ["changesets.reject", "POST", `${WIKI}/changesets/:changeset/reject`, (call) => decide(call, rejectChangeset)],
  ["wikis.log.list", "GET", `${WIKI}/log`, log],
];

const wikiOf = ({ world, org, params }) => findWiki(world, org.id, params.wiki);

function changesetOf(call) {
  const found = call.world.store.changesets.get(call.params.changeset);
  if (found?.wiki_id !== wikiOf(call).id) throw missing("changeset", call.world.choices);
  return found;
}

function view(world, changeset) {
  const { changes, ...shown } = changeset;
  return { ...shown, files: changesetFiles(world, changeset) };
}

function listWikis({ world, org, query }) {
  const wikis = [...world.store.wikis.values()].filter((wiki) => wiki.org_id === org.id);
  return page(wikis.map(wikiView), query, world.choices);
}

function tree(call) {
  const { world, query } = call;
  const wiki = wikiOf(call);
  const version = query.get("version") ?? wiki.version;
  const items = cachedTreeItems(filesOf(wiki, version), query.get("path") ?? "", query.get("recursive") === "true");
  return { ...page(items, query, world.choices, "path"), version };
}

function blob(call) {
  wikiOf(call);
  const found = call.world.store.blobs.get(call.params.hash);
  if (found === undefined) throw missing("blob", call.world.choices);
  return { status: 200, body: Buffer.from(found.base64, "base64"), headers: { "content-type": "application/octet-stream" } };
}

function putBlob(call) {
  wikiOf(call);
  if (hashOf(call.body) !== call.params.hash) throw new Refusal(422, "the hash is another", "HASH_MISMATCH");
  const repeated = call.world.store.blobs.has(call.params.hash);
  const { hash, size } = storeBlob(call.world, call.body);
  return { status: repeated ? 200 : 201, body: { hash, size } };
}

function listChangesets(call) {
  const { world, query } = call;
  const wiki = wikiOf(call);
  const wanted = [...world.store.changesets.values()].filter(
    (changeset) => changeset.wiki_id === wiki.id && (!query.has("status") || changeset.status === query.get("status")),
  );
  return page(
    wanted.reverse().map((changeset) => view(world, changeset)),
    query,
    world.choices,
  );
}

const create = (call) => view(call.world, createChangeset(call.world, call.user.id, wikiOf(call), call.body));

function update(call) {
  return view(call.world, updateChangeset(call.world, call.user.id, wikiOf(call), changesetOf(call), call.body));
}

function diff(call) {
  const changeset = changesetOf(call);
  return { changeset_id: changeset.id, base_version: changeset.base_version, data: changesetDiff(call.world, changeset) };
}

function decide(call, action) {
  if (call.user.type !== "human") throw new Refusal(403, "only people decide on changesets");
  return view(call.world, action(call.world, call.user.id, wikiOf(call), changesetOf(call), call.body));
}

function log(call) {
  const wiki = wikiOf(call);
  const entries = [...call.world.store.wiki_log.values()].filter((entry) => entry.wiki_id === wiki.id).reverse();
  return page(
    entries.map(({ wiki_id, ...entry }) => entry),
    call.query,
    call.world.choices,
  );
}
