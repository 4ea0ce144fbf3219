/** What a tool costs beside its request: calls as a host makes them, in turn with a plain `fetch` of the same route; medians. */
import plugin from "../../src/shim/index.js";
import { LocalParall } from "../server/server.js";
import { beside, median } from "./table.mjs";

const ROUNDS = 400;
const WARM_UP = 50;
const TIMES = 1.2;

async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export async function tools() {
  const parall = await LocalParall.start();
  parall.seed();
  const factories = {};
  plugin.register({ registerChannel: () => {}, registerTool: (factory, { name }) => Object.assign(factories, { [name]: factory }) });
  const section = { parall_url: parall.url, api_key: "key_agent", org_id: "org_demo" };
  const tool = factories.parall_read({ config: { channels: { parall: section } }, messageChannel: "parall" });
  const headers = { authorization: "Bearer key_agent" };
  // One request each, of the same route.
  const plain = async () => (await fetch(`${parall.url}/api/v1/orgs/org_demo/projects`, { headers })).json();
  const call = () => tool.execute("call_1", { what: "projects" });
  const times = { plain: [], call: [] };
  const asked = () => parall.journal.requests.length;
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const before = asked();
    const measured = { plain: await timed(plain), call: await timed(call) };
    if (asked() !== before + 2) throw new Error(`${asked() - before} requests instead of two`);
    if (round >= WARM_UP) for (const [name, time] of Object.entries(measured)) times[name].push(time);
  }
  await parall.close();
  delete globalThis[Symbol.for("@parall/parall")];
  return [beside("parall_read of a list", median(times.call), median(times.plain), "ms", "a fetch of the same list", TIMES)];
}

if (process.argv[1] === import.meta.filename) console.table(await tools());
