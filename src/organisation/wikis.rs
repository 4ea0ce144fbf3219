//! Wikis, by name.

use super::Organisation;
use super::error::{Candidate, Error};
use super::names::pick;
use crate::api::{Class, Wiki};

impl Organisation {
    /// Every wiki that the caller may read.
    pub async fn wikis(&self) -> Result<Vec<Wiki>, Error> {
        Ok(self.read(|| self.client().wikis()).await?)
    }

    /// A wiki by its id, its slug or its name, or by the only slug or name that begins so.
    pub async fn wiki(&self, name: &str) -> Result<Wiki, Error> {
        let name = name.trim();
        if name.is_empty() {
            let reason = "it is empty".to_owned();
            return Err(Error::Invalid { what: "the name of the wiki", reason });
        }
        match self.read(|| self.client().wiki(name)).await {
            Err(error) if matches!(error.class(), Class::Missing | Class::Rejected) => {}
            result => return Ok(result?),
        }
        let mut wikis = self.wikis().await?;
        let id = pick("wiki", name, called(&wikis)).map_err(|error| match error {
            // The slug is what a command takes; the name beside it would say the same twice.
            Error::UnknownName { what, name, .. } => {
                Error::UnknownName { what, name, candidates: slugs(&wikis) }
            }
            other => other,
        })?;
        let index = wikis.iter().position(|wiki| wiki.id == id).unwrap_or_default();
        Ok(wikis.swap_remove(index))
    }
}

fn slugs(wikis: &[Wiki]) -> Vec<Candidate> {
    let candidate = |wiki: &Wiki| Candidate { id: wiki.id.clone(), name: wiki.slug.clone() };
    wikis.iter().map(candidate).collect()
}

/// The slugs and names of wikis, those of one wiki next to each other.
fn called(wikis: &[Wiki]) -> Vec<Candidate> {
    let names = |wiki: &Wiki| {
        [Some(wiki.slug.clone()), wiki.name.clone()]
            .into_iter()
            .flatten()
            .map(|name| Candidate { id: wiki.id.clone(), name })
            .collect::<Vec<_>>()
    };
    wikis.iter().flat_map(names).collect()
}
