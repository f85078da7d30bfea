//! The object that a run is about, while it is read: what several parts need of it is read once, by whoever comes first.

use tokio::sync::OnceCell;

use super::devices;
use crate::{
    error::Error,
    ids::ObjectId,
    jumpcloud::{Listing, Object, Reader, System, SystemUser},
};

/// An object whose id is known.
pub struct Subject<'a, T> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) id: &'a ObjectId,
    object: OnceCell<Result<Option<T>, Error>>,
    listing: OnceCell<Result<Listing, Error>>,
    systems: OnceCell<Result<(Vec<System>, bool), Error>>,
}

impl<'a, T: Object> Subject<'a, T> {
    pub(super) fn new(reader: &'a Reader<'a>, id: &'a ObjectId) -> Self {
        Self { reader, id, object: OnceCell::new(), listing: OnceCell::new(), systems: OnceCell::new() }
    }

    /// The object, read by its id.
    pub(super) async fn object(&self) -> Result<Option<&T>, Error> {
        let object = self.object.get_or_init(|| self.reader.get::<T>(self.id)).await;
        object.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The same, once everything about it is read.
    pub(super) fn into_object(self) -> Result<Option<T>, Error> {
        self.object.into_inner().unwrap_or(Ok(None))
    }
}

impl Subject<'_, SystemUser> {
    /// What the user is bound to.
    pub(super) async fn listing(&self) -> Result<&Listing, Error> {
        let listing = self.listing.get_or_init(|| self.reader.user_systems(self.id)).await;
        listing.as_ref().map_err(Clone::clone)
    }

    /// The devices that the user is bound to, and whether these are all.
    pub(super) async fn systems(&self) -> Result<&(Vec<System>, bool), Error> {
        let read = || async { devices::resolve(self.reader, self.listing().await?).await };
        self.systems.get_or_init(read).await.as_ref().map_err(Clone::clone)
    }
}
