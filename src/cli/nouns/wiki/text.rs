//! What people read of wikis.

use serde_json::Value;

use crate::cli::human::{cell, list};
use crate::cli::table::{one_line, paragraph};

pub(super) fn wikis_table(json: &Value) -> String {
    list(json, ["ID", "SLUG", "VERSION", "NAME"], |wiki| {
        ["id", "slug", "version", "name"].map(|key| cell(wiki, key))
    })
}

pub(super) fn tree_table(json: &Value) -> String {
    list(json, ["SIZE", "UPDATED", "PATH"], |item| {
        ["size", "updated_at", "path"].map(|key| cell(item, key))
    })
}

pub(super) fn log_table(json: &Value) -> String {
    list(json, ["TIME", "WHAT", "WHO", "CHANGESET"], |entry| {
        ["created_at", "type", "actor_id", "changeset_id"].map(|key| cell(entry, key))
    })
}

pub(super) fn patch(json: &Value) -> String {
    paragraph(json["diff"].as_str().unwrap_or_default())
}

fn texts<'a>(json: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    json[key].as_array().into_iter().flatten()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), one_line)
}

pub(super) fn synced_text(json: &Value) -> String {
    let mut lines = String::new();
    for wiki in texts(json, "synced") {
        lines.push_str(&format_line(&[
            &shown(&wiki["wiki"]),
            ": ",
            &shown(&wiki["files"]),
            " files in ",
            &shown(&wiki["path"]),
            ", added ",
            &shown(&wiki["added"]),
            ", updated ",
            &shown(&wiki["updated"]),
            ", deleted ",
            &shown(&wiki["deleted"]),
        ]));
        conflicts(wiki, &mut lines);
        for skipped in texts(wiki, "skipped") {
            let (path, reason) = (shown(&skipped["path"]), shown(&skipped["reason"]));
            lines.push_str(&format_line(&["  left out ", &path, ": ", &reason]));
        }
    }
    lines
}

pub(super) fn status_text(json: &Value) -> String {
    let mut lines = format_line(&["Mount: ", &shown(&json["mount"])]);
    let (base, head) = (&json["base_version"], &json["head_version"]);
    let news = if head.is_null() || head == base { "" } else { ", the server has a newer one" };
    lines.push_str(&format_line(&["Base: ", &shown(base), news]));
    for file in texts(json, "changes") {
        lines.push_str(&format_line(&[
            "  ",
            &shown(&file["status"]),
            " ",
            &shown(&file["path"]),
            " +",
            &shown(&file["additions"]),
            " -",
            &shown(&file["deletions"]),
        ]));
    }
    if texts(json, "changes").next().is_none() {
        lines.push_str("nothing is edited\n");
    }
    conflicts(json, &mut lines);
    lines
}

fn conflicts(json: &Value, lines: &mut String) {
    for conflict in texts(json, "conflicts") {
        let (path, kind) = (shown(&conflict["path"]), shown(&conflict["kind"]));
        lines.push_str(&format_line(&["  conflict in ", &path, ": ", &kind]));
    }
}

fn format_line(parts: &[&str]) -> String {
    let mut line = parts.concat();
    line.push('\n');
    line
}
