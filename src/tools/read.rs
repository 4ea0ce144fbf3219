//! `parall_read`: people, chats, messages, tasks, projects and wikis.

use super::answer::{Listed, field, list, messages, named, object};
use super::error::Error;
use super::query::{Read, What};
use super::{Tools, pages};
use crate::api::Object;
use crate::organisation::{
    MessageFilter, Paging, inner_text, message_id, text, user_id, user_name,
};

/// The tool's name.
pub(super) const NAME: &str = "parall_read";

pub(super) async fn run(tools: &Tools, read: Read) -> Result<String, Error> {
    let organisation = &tools.organisation;
    let of = || {
        let purpose = "the id or name of what you want to read";
        read.of.as_deref().ok_or(Error::Missing { parameter: "of", purpose })
    };
    Ok(match read.what {
        What::Me => object(&organisation.me().await?, &*tools.names().await, read.offset),
        What::Person => {
            let id = organisation.user_id(of()?).await?;
            object(&organisation.person(&id).await?, &*tools.names().await, read.offset)
        }
        What::Message => {
            let message = organisation.message(&message_id(of()?)?).await?;
            object(&message, &*tools.names().await, read.offset)
        }
        What::Task => read.task(tools, of()?).await?,
        What::People => list("Members:", &organisation.members().await?, person),
        What::Projects => list("Projects:", &organisation.projects().await?, |project| {
            let (name, key) = (field(project, "name"), field(project, "key"));
            format!(
                "{}, key {key}, {}",
                named(&name, &field(project, "id")),
                field(project, "status")
            )
        }),
        What::Chats => list("Your chats:", &organisation.chats(&read.paging(), None).await?, chat),
        What::ChatMembers => {
            let id = organisation.chat_id(of()?).await?;
            let names = tools.names().await;
            list(&format!("Members of {id}:"), &organisation.chat_members(&id).await?, |member| {
                names.with_id(user_id(member).unwrap_or_default())
            })
        }
        What::Messages => {
            let id = organisation.chat_id(of()?).await?;
            let filter = MessageFilter::default();
            let found = organisation.messages(&id, &filter, &read.paging()).await?;
            messages(
                &format!("Messages of {id}, the oldest first:"),
                &found,
                Listed::NewestFirst,
                &*tools.names().await,
            )
        }
        What::Thread => {
            let id = message_id(of()?)?;
            let found = organisation.replies(&id, None, &read.paging()).await?;
            messages(
                &format!("Thread of {id}, the oldest first:"),
                &found,
                Listed::OldestFirst,
                &*tools.names().await,
            )
        }
        What::Tasks => read.tasks(tools).await?,
        What::Wikis => pages::wikis(tools).await?,
        What::Wiki => pages::tree(tools, of()?, &read).await?,
        What::WikiPage => pages::page(tools, of()?, &read).await?,
        What::WikiSearch => pages::search(tools, of()?, &read).await?,
        What::Changesets => pages::changesets(tools, of()?, &read).await?,
    })
}

impl Read {
    /// A task with its newest comments.
    async fn task(&self, tools: &Tools, name: &str) -> Result<String, Error> {
        let organisation = &tools.organisation;
        let id = organisation.task_id(name).await?;
        let task = organisation.task(&id).await?;
        let names = tools.names().await;
        let shown = object(&task, &names, self.offset);
        if self.offset > 0 {
            return Ok(shown);
        }
        let comments = organisation.comments(&id, &Paging::all()).await?;
        let comments =
            messages("Comments, the oldest first:", &comments, Listed::OldestFirst, &names);
        let both = format!("{shown}{comments}");
        if both.chars().count() <= super::answer::LONGEST {
            return Ok(both);
        }
        // A long description leaves no room; the comments are what changes.
        Ok(if shown.chars().count() < super::answer::LONGEST / 2 { comments } else { shown })
    }

    async fn tasks(&self, tools: &Tools) -> Result<String, Error> {
        let organisation = &tools.organisation;
        let assignee = match &self.assignee {
            Some(name) => Some(organisation.user_id(name).await?),
            None => None,
        };
        let project = match &self.of {
            Some(name) => Some(organisation.project_id(name).await?),
            None => None,
        };
        let filters = [
            ("status", &self.status),
            ("assignee_id", &assignee),
            ("project_id", &project),
            ("q", &self.query),
        ];
        let filters: Vec<_> =
            filters.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
        let found = organisation.tasks(&filters, &self.paging()).await?;
        let names = tools.names().await;
        Ok(list("Tasks:", &found, |task| {
            let assignee = text(task, "assignee_id")
                .map_or_else(|| "nobody".to_owned(), |id| names.with_id(id));
            let name = named(&field(task, "title"), &field(task, "id"));
            let [number, status, priority] =
                ["identifier", "status", "priority"].map(|key| field(task, key));
            format!("{number} {name}: {status}, {priority}, for {assignee}")
        }))
    }
}

fn person(one: &Object) -> String {
    let kind = inner_text(one, "user", "type").unwrap_or_default();
    format!(
        "{}, {kind}",
        named(user_name(one).unwrap_or_default(), user_id(one).unwrap_or_default())
    )
}

fn chat(one: &Object) -> String {
    let name = named(&field(one, "name"), &field(one, "id"));
    let last = text(one, "last_message_at").unwrap_or("never");
    format!("{name}, {}, last message {last}", field(one, "type"))
}
