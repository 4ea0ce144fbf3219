//! Projects.

use super::Organisation;
use super::error::Error;
use super::list::List;
use crate::api::Object;

impl Organisation {
    /// Every project that the caller may see.
    pub async fn projects(&self) -> Result<List, Error> {
        Ok(self.read(|| self.client().projects()).await?.into())
    }

    /// One project.
    pub async fn project(&self, project: &str) -> Result<Object, Error> {
        Ok(self.read(|| self.client().project(project)).await?)
    }
}
