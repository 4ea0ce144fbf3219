import { now } from "./ids.js";
import { addAgent, addChat, addHuman, addLabel, addOrg } from "./staging.js";

/** Ids of the default organisation, the same in each run. Chat ids mix cases: ids must keep theirs. */
export const SEED = Object.freeze({
  org: "org_demo",
  agent: Object.freeze({ id: "usr_agent", name: "Robin", key: "key_agent" }),
  humans: Object.freeze([
    Object.freeze({ id: "usr_ada", name: "Ada Weber", key: "key_ada", role: "owner" }),
    Object.freeze({ id: "usr_ben", name: "Ben Okafor", key: "key_ben" }),
  ]),
  direct: Object.freeze({ ada: "cht_Ada", ben: "cht_Ben" }),
  group: "cht_Launch",
  project: "prj_Launch",
  label: "lbl_Urgent",
});

/**
 * One organisation with an agent, two people, a direct chat of each with the agent, a group chat of all three.
 * Does nothing when the state file brought it along.
 */
export function seed(world) {
  if (world.store.orgs.has(SEED.org)) return SEED;
  addOrg(world, { id: SEED.org, name: "Demo" });
  for (const human of SEED.humans) addHuman(world, human);
  addAgent(world, SEED.agent);
  addChat(world, { id: SEED.direct.ada, type: "direct", members: ["usr_ada", SEED.agent.id] });
  addChat(world, { id: SEED.direct.ben, type: "direct", members: ["usr_ben", SEED.agent.id] });
  addChat(world, { id: SEED.group, type: "group", name: "Launch", members: ["usr_ada", "usr_ben", SEED.agent.id] });
  addLabel(world, { id: SEED.label, name: "Urgent" });
  world.store.put("projects", SEED.project, {
    id: SEED.project,
    org_id: SEED.org,
    name: "Launch",
    key: "LP",
    description: null,
    status: "active",
    visibility: "public",
    my_role: "member",
    sort_order: 0,
    created_at: now(),
    updated_at: now(),
  });
  return SEED;
}
