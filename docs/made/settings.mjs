/** The settings of `channels.parall`, from the schema and the hints that OpenClaw shows in its own forms. */
import { readFileSync } from "node:fs";
import { table } from "./table.mjs";

const manifest = JSON.parse(readFileSync(new URL("../../openclaw.plugin.json", import.meta.url), "utf8"));

const TYPES = { boolean: "true or false", integer: "whole number", string: "text", object: "object" };

/** What a setting may be, in words. */
function type(schema) {
  if (schema.anyOf) return schema.anyOf.map(type).join(" or ");
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  if (schema.type === "array") return `list of ${schema.items ? type(schema.items) : "anything"}`;
  if (schema.type === "object" && schema.properties) return `object with ${Object.keys(schema.properties).join(", ")}`;
  return TYPES[schema.type] ?? schema.type;
}

/** @returns {string} one table, in the order of the schema */
export function settings() {
  const { schema, uiHints } = manifest.channelConfigs.parall;
  const rows = Object.entries(schema.properties).map(([key, property]) => [`\`${key}\``, type(property), uiHints[key].help]);
  return table([["setting", "value", "what it does"], ...rows]);
}
