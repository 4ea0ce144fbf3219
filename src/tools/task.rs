//! `parall_task`: make, change and comment on tasks.

use serde::Deserialize;
use serde_json::Value;

use super::Tools;
use super::answer::{field, named};
use super::error::Error;
use super::origin::Origin;
use super::send::sent_text;
use crate::api::Object;

/// The tool's name.
pub(super) const NAME: &str = "parall_task";
/// Takes a value away, where one may be missing.
const NONE: &str = "none";

/// What it takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    action: Action,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    assignee: Option<String>,
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    due_date: Option<String>,
    #[serde(default)]
    text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Create,
    Update,
    Comment,
}

pub(super) async fn run(tools: &Tools, wanted: Wanted, origin: &Origin) -> Result<String, Error> {
    let organisation = &tools.organisation;
    if wanted.action == Action::Create {
        let title = needed(wanted.title.as_ref(), "title", "a task needs one")?.clone();
        let mut fields = wanted.fields(tools).await?;
        fields.insert("title".into(), title.into());
        let created = organisation.create_task(&fields).await?;
        return Ok(format!("Created: {}.", summary(&created)));
    }
    let name = needed(wanted.task.as_ref(), "task", "the id, short name or title of the task")?;
    if wanted.action == Action::Comment {
        let text = needed(wanted.text.as_ref(), "text", "what the comment says")?.clone();
        let id = organisation.task_id(name).await?;
        let sent = tools.outgoing.comment(organisation, &id, text, origin).await?;
        return Ok(sent_text(&sent, "the task", &id));
    }
    let id = organisation.task_id(name).await?;
    if wanted.project.is_some() {
        let reason = "the project of a task cannot be changed".to_owned();
        return Err(Error::Parameters { reason });
    }
    let changed = organisation.change_task(&id, &wanted.fields(tools).await?).await?;
    Ok(format!("Changed: {}.", summary(&changed)))
}

impl Wanted {
    /// The fields as the server takes them.
    async fn fields(&self, tools: &Tools) -> Result<Object, Error> {
        let organisation = &tools.organisation;
        let mut fields = Object::new();
        let plain = [
            ("title", &self.title),
            ("description", &self.description),
            ("status", &self.status),
            ("priority", &self.priority),
        ];
        for (key, value) in plain {
            if let Some(value) = value {
                fields.insert(key.to_owned(), value.clone().into());
            }
        }
        if let Some(project) = &self.project {
            fields.insert("project_id".into(), organisation.project_id(project).await?.into());
        }
        if let Some(date) = &self.due_date {
            let date = if date == NONE { Value::Null } else { date.clone().into() };
            fields.insert("due_date".into(), date);
        }
        if let Some(name) = &self.assignee {
            let id = match name.as_str() {
                NONE => Value::Null,
                name => organisation.user_id(name).await?.into(),
            };
            fields.insert("assignee_id".into(), id);
        }
        if let Some(name) = &self.parent {
            let id = match name.as_str() {
                NONE => Value::Null,
                name => organisation.task_id(name).await?.into(),
            };
            fields.insert("parent_id".into(), id);
        }
        Ok(fields)
    }
}

fn needed<'a>(
    value: Option<&'a String>,
    parameter: &'static str,
    purpose: &'static str,
) -> Result<&'a String, Error> {
    value.filter(|text| !text.trim().is_empty()).ok_or(Error::Missing { parameter, purpose })
}

fn summary(task: &Object) -> String {
    let name = named(&field(task, "title"), &field(task, "id"));
    format!("{name}, {}, {}", field(task, "identifier"), field(task, "status"))
}
