//! `parall tasks`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::chats::Scope;
use super::comments::Comments;
use crate::api::Object;
use crate::cli::account::Session;
use crate::cli::failure::Failure;
use crate::cli::human::{cell, details, list};
use crate::cli::input;
use crate::cli::output::Output;
use crate::cli::paging::PagingFlags;
use crate::organisation::Organisation;

/// Takes a value away, where one may be missing.
const NONE: &str = "none";

/// Tasks and their comments
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Tasks {
    /// List tasks
    List(Box<Filter>),
    /// Show a task
    Get {
        /// tsk_..., its short name or its title.
        task: String,
    },
    /// Make a task
    Create {
        /// What is to be done, in a few words.
        #[arg(long)]
        title: String,
        /// Project it belongs to: prj_..., key or name.
        #[arg(long, value_name = "PROJECT")]
        project_id: Option<String>,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Change a task
    Update {
        /// tsk_..., its short name or its title.
        task: String,
        /// What is to be done, in a few words.
        #[arg(long)]
        title: Option<String>,
        #[command(flatten)]
        fields: Box<Fields>,
    },
    #[command(subcommand)]
    Comments(Comments),
}

/// Which tasks are listed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Filter {
    /// Only those in this state.
    #[arg(long)]
    status: Option<Status>,
    /// Only those of this priority.
    #[arg(long)]
    priority: Option<Priority>,
    /// Only those of this member: usr_..., a name, or `me`.
    #[arg(long, value_name = "USER")]
    assignee_id: Option<String>,
    /// Only those made by this member.
    #[arg(long, value_name = "USER")]
    creator_id: Option<String>,
    /// Only those of this project: prj_..., key or name.
    #[arg(long, value_name = "PROJECT")]
    project_id: Option<String>,
    /// Only the parts of this task; `none` for tasks that are no part.
    #[arg(long, value_name = "TASK")]
    parent_id: Option<String>,
    /// Only those with these labels, separated by commas.
    #[arg(long, value_name = "LABELS")]
    label_ids: Option<String>,
    /// Only those that hold this text.
    #[arg(long, value_name = "TEXT")]
    query: Option<String>,
    /// Which tasks.
    #[arg(long)]
    scope: Option<Scope>,
    /// Field to sort by.
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// Direction of the sorting.
    #[arg(long)]
    order: Option<Order>,
    #[command(flatten)]
    paging: PagingFlags,
}

/// What a task may say.
#[derive(Debug, Args)]
pub(in crate::cli) struct Fields {
    /// State of the work.
    #[arg(long)]
    status: Option<Status>,
    /// How urgent it is.
    #[arg(long)]
    priority: Option<Priority>,
    /// Who is to do it: usr_..., a name, or `me`; `none` for nobody.
    #[arg(long, value_name = "USER")]
    assignee_id: Option<String>,
    /// Longer text; `-` reads standard input.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    description: Option<String>,
    /// File that holds the longer text.
    #[arg(long, value_name = "FILE", conflicts_with = "description")]
    description_file: Option<PathBuf>,
    /// YYYY-MM-DD, or `none`.
    #[arg(long, value_name = "DATE")]
    due_date: Option<String>,
    /// Task that it is a part of, or `none`.
    #[arg(long, value_name = "TASK")]
    parent_id: Option<String>,
    /// Labels, separated by commas, or `none`.
    #[arg(long, value_name = "LABELS")]
    label_ids: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Status {
    Todo,
    InProgress,
    InReview,
    Done,
    Canceled,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Priority {
    High,
    Normal,
    Low,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Asc,
    Desc,
}

impl Tasks {
    pub(in crate::cli) async fn run(self, session: &Session) -> Result<Output, Failure> {
        let organisation = &session.organisation;
        let task = match self {
            Self::List(filter) => return filter.run(organisation).await,
            Self::Comments(command) => return command.run(session).await,
            Self::Get { task } => {
                let task = organisation.task_id(&task).await?;
                organisation.task(&task).await?
            }
            Self::Create { title, project_id, fields } => {
                let mut wanted = fields.read(organisation).await?;
                if let Some(project) = project_id {
                    wanted.insert(
                        "project_id".into(),
                        organisation.project_id(&project).await?.into(),
                    );
                }
                wanted.insert("title".into(), title.into());
                organisation.create_task(&wanted).await?
            }
            Self::Update { task, title, fields } => {
                let mut wanted = fields.read(organisation).await?;
                if let Some(title) = title {
                    wanted.insert("title".into(), title.into());
                }
                let task = organisation.task_id(&task).await?;
                organisation.change_task(&task, &wanted).await?
            }
        };
        Ok(Output::Document { json: Value::Object(task), human: details })
    }
}

impl Filter {
    async fn run(self, organisation: &Organisation) -> Result<Output, Failure> {
        let user = async |name: Option<String>| match name {
            Some(name) => organisation.user_id(&name).await.map(Some),
            None => Ok(None),
        };
        let project = match &self.project_id {
            Some(project) => Some(organisation.project_id(project).await?),
            None => None,
        };
        let parent = match self.parent_id.as_deref() {
            Some(NONE) => Some("null".to_owned()),
            Some(task) => Some(organisation.task_id(task).await?),
            None => None,
        };
        let filters = [
            ("status", spelt(self.status)),
            ("priority", spelt(self.priority)),
            ("assignee_id", user(self.assignee_id).await?),
            ("creator_id", user(self.creator_id).await?),
            ("project_id", project),
            ("parent_id", parent),
            ("label_ids", self.label_ids),
            ("q", self.query),
            ("scope", self.scope.map(|scope| scope.name().to_owned())),
            ("sort", self.sort),
            ("order", spelt(self.order)),
        ];
        let filters: Vec<_> =
            filters.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
        let tasks = organisation.tasks(&filters, &self.paging.into()).await?;
        Ok(Output::Document { json: tasks.into_json(), human })
    }
}

impl Fields {
    /// The fields as the server takes them.
    async fn read(self, organisation: &Organisation) -> Result<Object, Failure> {
        let mut fields = Object::new();
        let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
        if let Some(description) = input::read(self.description, self.description_file.as_deref())?
        {
            set("description", description.into());
        }
        if let Some(status) = spelt(self.status) {
            set("status", status.into());
        }
        if let Some(priority) = spelt(self.priority) {
            set("priority", priority.into());
        }
        match self.assignee_id.as_deref() {
            Some(NONE) => drop(set("assignee_id", Value::Null)),
            Some(name) => drop(set("assignee_id", organisation.user_id(name).await?.into())),
            None => {}
        }
        match self.parent_id.as_deref() {
            Some(NONE) => drop(set("parent_id", Value::Null)),
            Some(task) => drop(set("parent_id", organisation.task_id(task).await?.into())),
            None => {}
        }
        match self.due_date {
            Some(date) if date == NONE => drop(set("due_date", Value::Null)),
            Some(date) => drop(set("due_date", date.into())),
            None => {}
        }
        if let Some(labels) = self.label_ids {
            let ids = labels.split(',').map(str::trim).filter(|id| !id.is_empty() && *id != NONE);
            set("label_ids", ids.collect());
        }
        Ok(fields)
    }
}

/// As it is typed, which is as the server spells it.
fn spelt<T: ValueEnum>(value: Option<T>) -> Option<String> {
    Some(value?.to_possible_value()?.get_name().to_owned())
}

fn human(json: &Value) -> String {
    list(json, ["ID", "NO.", "STATUS", "PRIORITY", "ASSIGNEE", "TITLE"], |task| {
        ["id", "identifier", "status", "priority", "assignee_id", "title"]
            .map(|key| cell(task, key))
    })
}
