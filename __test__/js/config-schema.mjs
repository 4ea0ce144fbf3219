/**
 * Makes src/config/platform/host_schema.json: what every supported host accepts in the two sections that the platform may set.
 *
 *   node __test__/config-schema.mjs SCHEMA.json [SCHEMA.json ...] > src/config/platform/host_schema.json
 *
 * Each SCHEMA.json is what `openclaw config schema` prints, one for the oldest and one for the newest host. Of two schemas only
 * what both accept remains: the keys that both know, the smaller set of choices, the narrower bounds.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

const SECTIONS = {
  provider: (root) => root.properties.models.properties.providers.additionalProperties,
  defaults: (root) => root.properties.agents.properties.defaults,
};
const BOUNDS = { minLength: Math.max, minItems: Math.max, minimum: Math.max, exclusiveMinimum: Math.max };
const LIMITS = { maxLength: Math.min, maxItems: Math.min, maximum: Math.min, exclusiveMaximum: Math.min };
/** Beyond this a bound says only that the number must be exact in JavaScript. */
const HARMLESS_BOUND = Number.MAX_SAFE_INTEGER;

/** A schema without prose, with one notation for a choice of values and one for a choice of forms. */
function simplify(schema) {
  const { type, properties, required, additionalProperties, items, pattern } = schema;
  if ("const" in schema) return { enum: [schema.const] };
  if (schema.enum) return { enum: schema.enum };
  const forms = (schema.anyOf ?? schema.oneOf)?.map(simplify).flatMap((form) => form.anyOf ?? [form]);
  if (forms) return choice(forms.filter((form) => !form.properties?.source?.enum));
  const simple = { ...(type && { type }), ...(pattern && { pattern }) };
  for (const name of Object.keys({ ...BOUNDS, ...LIMITS })) {
    if (name in schema && Math.abs(schema[name]) < HARMLESS_BOUND) simple[name] = schema[name];
  }
  if (properties) simple.properties = mapValues(properties, simplify);
  if (required) simple.required = required;
  if (additionalProperties === false) simple.additionalProperties = false;
  else if (isObject(additionalProperties)) simple.additionalProperties = simplify(additionalProperties);
  if (Array.isArray(items)) simple.items = { anyOf: items.map(simplify) };
  else if (items) simple.items = simplify(items);
  return simple;
}

/** One of several forms. References to secrets were left out before: the platform has no business with those of a user. */
function choice(forms) {
  if (forms.length === 1) return forms[0];
  return forms.every((form) => form.enum) ? { enum: forms.flatMap((form) => form.enum) } : { anyOf: forms };
}

/** What both schemas accept. */
function meet(a, b) {
  if (isDeepStrictEqual(a, b)) return a;
  if (a.anyOf && b.anyOf) {
    const shared = a.anyOf.filter((form) => b.anyOf.some((other) => isDeepStrictEqual(form, other)));
    if (shared.length === Math.min(a.anyOf.length, b.anyOf.length)) return choice(shared);
  }
  if (a.enum && b.enum) return { enum: a.enum.filter((value) => b.enum.includes(value)) };
  if (a.type === undefined || a.type !== b.type || a.pattern !== b.pattern) return { allOf: [a, b] };
  const both = { ...a, ...b };
  for (const [name, choose] of Object.entries({ ...BOUNDS, ...LIMITS })) {
    if (name in a && name in b) both[name] = choose(a[name], b[name]);
  }
  if (a.items && b.items) both.items = meet(a.items, b.items);
  if (a.type !== "object") return both;
  if (isObject(a.additionalProperties) !== isObject(b.additionalProperties)) return { allOf: [a, b] };
  if (isObject(a.additionalProperties)) both.additionalProperties = meet(a.additionalProperties, b.additionalProperties);
  const keys = Object.keys(a.properties ?? {}).filter((key) => key in (b.properties ?? {}));
  if (keys.length > 0) both.properties = Object.fromEntries(keys.map((key) => [key, meet(a.properties[key], b.properties[key])]));
  else delete both.properties;
  const required = [...new Set([...(a.required ?? []), ...(b.required ?? [])])];
  if (required.length > 0) both.required = required;
  return both;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const mapValues = (object, map) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));

/** The rules that hold on every host whose `config schema` is given. */
export function hostSchema(schemas) {
  return mapValues(SECTIONS, (find) => schemas.map((schema) => simplify(find(schema))).reduce(meet));
}

if (process.argv[1] === import.meta.filename) {
  const schemas = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")));
  process.stdout.write(`${JSON.stringify(hostSchema(schemas), null, 2)}\n`);
}
