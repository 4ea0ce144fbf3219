//! Where the intake of an account is.

use std::future::pending;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use super::missed::catch_up::Found;
use crate::api::{Dispatch, Error};
use crate::orchestrator::in_flight::InFlight;

/// How a server tells of events. Once it was an inbox it is one for good: a list that is missing for a moment would bring
/// every event a second time, by another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// Not known before the first list.
    Unknown,
    /// It only announces messages and tasks by frames.
    Events,
    /// It keeps a dispatch inbox, which is then the only source of events.
    Inbox,
}

/// What the intake waits for, and what becomes of frames meanwhile.
pub(crate) enum Phase {
    /// There is no connection. Frames from before pass if nothing older is missing.
    Offline { listing: Option<Listing>, is_complete: bool },
    /// Frames wait for the list. On a server without inbox they pass after a while: people wait.
    Listing { listing: Listing, patience: Patience },
    /// Frames wait for what was missed, which the chats of a server without inbox tell, but not for ever.
    CatchingUp { looking: Call<Found>, patience: Patience },
    /// Nothing older is missing, so frames pass. The list is read at times, in case a frame never came.
    Live { listing: Listing },
    /// The list had more than there is room for. The rest stays there, and frames wait for it.
    BackPressured { listing: Listing },
}

/// A call to the server that is under way.
pub(crate) type Call<T> = BoxFuture<'static, Result<T, Error>>;
/// Until when frames wait; nothing when that is over.
pub(crate) type Patience = Option<Instant>;

/// The list of the inbox: read at some time, or being read.
pub(crate) enum Listing {
    Due(Instant),
    UnderWay(Call<Vec<Dispatch>>),
}

/// What happens next in a phase.
pub(crate) enum Step {
    /// The list has to be read.
    List,
    /// It was read.
    Listed(Result<Vec<Dispatch>, Error>),
    /// What was missed was looked for.
    Looked(Result<Found, Error>),
    /// Frames have waited long enough.
    OutOfPatience,
}

impl Phase {
    /// The next step. Nothing is lost when this is dropped before it is ready.
    pub(crate) async fn next(&mut self, in_flight: &InFlight) -> Step {
        match self {
            Self::Offline { listing: None, .. } => pending().await,
            Self::Offline { listing: Some(listing), .. } | Self::Live { listing } => {
                listing.next().await
            }
            Self::BackPressured { listing } => {
                let is_due = matches!(listing, Listing::Due(_));
                tokio::select! {
                    biased;
                    step = listing.next() => step,
                    () = in_flight.half_empty(), if is_due => Step::List,
                }
            }
            Self::Listing { listing, patience, .. } => tokio::select! {
                biased;
                step = listing.next() => step,
                () = exhausted(*patience) => Step::OutOfPatience,
            },
            Self::CatchingUp { looking, patience, .. } => tokio::select! {
                biased;
                found = looking => Step::Looked(found),
                () = exhausted(*patience) => Step::OutOfPatience,
            },
        }
    }

    /// The list is read at that time, or is being read, where this phase reads it.
    pub(crate) fn listing(&mut self) -> Option<&mut Listing> {
        match self {
            Self::Offline { listing, .. } => listing.as_mut(),
            Self::Listing { listing, .. }
            | Self::Live { listing }
            | Self::BackPressured { listing } => Some(listing),
            Self::CatchingUp { .. } => None,
        }
    }

    /// Frames do not wait any longer, although what was missed is not known.
    pub(crate) fn lose_patience(&mut self) {
        if let Self::Listing { patience, .. } | Self::CatchingUp { patience, .. } = self {
            *patience = None;
        }
    }

    /// Whether frames pass.
    pub(crate) fn lets_frames_pass(&self, generation: Generation) -> bool {
        match self {
            Self::Offline { is_complete, .. } => *is_complete,
            Self::Live { .. } => true,
            Self::BackPressured { .. } => false,
            Self::Listing { patience, .. } | Self::CatchingUp { patience, .. } => {
                patience.is_none() && generation == Generation::Events
            }
        }
    }

    /// Whether nothing older is missing, so that what a frame brings shows how far everything is read.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Self::Live { .. } | Self::Offline { is_complete: true, .. })
    }
}

impl Listing {
    async fn next(&mut self) -> Step {
        match self {
            Self::Due(at) => {
                sleep_until(*at).await;
                Step::List
            }
            Self::UnderWay(call) => Step::Listed(call.await),
        }
    }
}

async fn exhausted(patience: Patience) {
    match patience {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
