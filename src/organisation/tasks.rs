//! Tasks and their comments.
//!
//! The server cannot recognise a repeated write, so none is repeated. One whose outcome is unknown is looked for once: what was
//! there before is known, so that nothing older is taken for it.

use std::collections::HashSet;

use serde_json::Value;

use super::Organisation;
use super::error::Error;
use super::list::{List, PagedList, Paging};
use super::messages::check_text;
use super::object::text;
use crate::api::{self, Class, Object};

/// How many of the newest tasks are looked at for one whose making has an unknown outcome.
const RECENT: u32 = 50;

impl Organisation {
    /// Tasks of the organisation; `filters` are names and values of the server's own query.
    pub async fn tasks(&self, filters: &[(&str, &str)], paging: &Paging) -> Result<List, Error> {
        self.list(PagedList::Tasks, paging, filters).await
    }

    /// One task.
    pub async fn task(&self, task: &str) -> Result<Object, Error> {
        Ok(self.read(|| self.client().task_object(task)).await?)
    }

    /// Makes a task.
    pub async fn create_task(&self, fields: &Object) -> Result<Object, Error> {
        check_text("the title", text(fields, "title").unwrap_or_default(), false)?;
        let before = self.recent_tasks().await?;
        let error = match self.client().create_task(fields).await {
            Err(error) if !error.nothing_done() => error,
            created => return Ok(created?),
        };
        let found = async {
            let (known, me) = (before?, self.my_id().await.ok()?);
            let recent = self.recent_tasks().await.ok()??;
            recent.into_iter().find(|task| {
                let is_new = !known.iter().any(|other| text(other, "id") == text(task, "id"));
                is_new && text(task, "creator_id") == Some(&me) && agrees(task, fields)
            })
        };
        found.await.ok_or_else(|| {
            unknown(
                "the task was created",
                "look for it in the list of tasks before creating it again",
                error,
            )
        })
    }

    /// Changes fields of a task.
    pub async fn change_task(&self, task: &str, fields: &Object) -> Result<Object, Error> {
        if fields.is_empty() {
            let reason = "nothing is to be changed".to_owned();
            return Err(Error::Invalid { what: "the change", reason });
        }
        if let Some(title) = fields.get("title") {
            check_text("the title", title.as_str().unwrap_or_default(), false)?;
        }
        let error = match self.client().change_task(task, fields).await {
            Err(error) if !error.nothing_done() => error,
            changed => return Ok(changed?),
        };
        match self.task(task).await {
            Ok(now) if agrees(&now, fields) => Ok(now),
            _ => Err(unknown("the task was changed", "read it before changing it again", error)),
        }
    }

    /// Comments on a task, oldest first.
    pub async fn comments(&self, task: &str, paging: &Paging) -> Result<List, Error> {
        self.list(PagedList::Comments(task), paging, &[]).await
    }

    /// Comments on a task.
    pub async fn add_comment(&self, task: &str, body: &str) -> Result<Object, Error> {
        check_text("the comment", body, false)?;
        let before = readable(self.comments(task, &Paging::all()).await)?;
        let error = match self.client().create_comment(task, body).await {
            Err(error) if !error.nothing_done() => error,
            created => return Ok(created?),
        };
        let found = async {
            let (known, me) = (before?, self.my_id().await.ok()?);
            let known: HashSet<_> = known.iter().filter_map(|one| text(one, "id")).collect();
            let comments = self.comments(task, &Paging::all()).await.ok()?.items;
            comments.into_iter().find(|comment| {
                let is_new = text(comment, "id").is_some_and(|id| !known.contains(id));
                let is_mine = text(comment, "author_id") == Some(&me);
                is_new && is_mine && text(comment, "body") == Some(body)
            })
        };
        found.await.ok_or_else(|| {
            unknown("the comment was written", "read the comments before writing it again", error)
        })
    }

    /// The newest tasks, nothing where they cannot be listed.
    async fn recent_tasks(&self) -> Result<Option<Vec<Object>>, Error> {
        let newest = [("sort", "created_at"), ("order", "desc"), ("scope", "all")];
        readable(self.tasks(&newest, &Paging::first(RECENT)).await)
    }
}

/// The items of a list, nothing where the caller may not read it.
fn readable(list: Result<List, Error>) -> Result<Option<Vec<Object>>, Error> {
    match list {
        Err(Error::Api(error)) if matches!(error.class(), Class::Forbidden | Class::Missing) => {
            Ok(None)
        }
        list => Ok(Some(list?.items)),
    }
}

fn unknown(what: &'static str, advice: &str, source: api::Error) -> Error {
    Error::UnknownOutcome { what, advice: advice.to_owned(), source: Box::new(source) }
}

/// Whether a task says of itself everything that was asked for.
fn agrees(task: &Object, fields: &Object) -> bool {
    fields.iter().all(|(key, wanted)| {
        if key == "label_ids" {
            return labels(task) == ids(wanted);
        }
        task.get(key).unwrap_or(&Value::Null) == wanted
    })
}

fn labels(task: &Object) -> HashSet<&str> {
    let labels = task.get("labels").and_then(Value::as_array).into_iter().flatten();
    labels.filter_map(|label| text(label.as_object()?, "id")).collect()
}

fn ids(value: &Value) -> HashSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_task_agrees_when_it_says_all_that_was_asked_for() {
        let task =
            object(json!({"title": "a", "due_date": null, "labels": [{"id": "l1"}, {"id": "l2"}]}));
        for (fields, expected) in [
            (json!({"title": "a"}), true),
            (json!({"title": "a", "due_date": null, "parent_id": null}), true),
            (json!({"title": "b"}), false),
            (json!({"label_ids": ["l2", "l1"]}), true),
            (json!({"label_ids": ["l1"]}), false),
        ] {
            assert_eq!(agrees(&task, &object(fields.clone())), expected, "{fields}");
        }
    }
}
