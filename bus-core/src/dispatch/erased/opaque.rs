//! References whose type is forgotten.

use std::{any::Any, marker::PhantomData, ptr::NonNull, sync::Arc};

use crate::{bus::Bus, flavor::Flavor, sync_bus::SyncBus};

/// A shared reference to a `T: Sync` whose type is forgotten.
#[derive(Clone, Copy)]
pub struct Opaque<'a> {
    pointer: NonNull<()>,
    lifetime: PhantomData<&'a ()>,
}

// SAFETY: an `Opaque` is made from a `&T` with `T: Sync` only, and gives nothing else back.
unsafe impl Send for Opaque<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Opaque<'_> {}

impl<'a> Opaque<'a> {
    #[inline]
    pub(super) fn of<T: Sync>(value: &'a T) -> Self {
        Opaque { pointer: NonNull::from(value).cast(), lifetime: PhantomData }
    }

    pub(super) fn of_any(value: &'a (dyn Any + Send + Sync)) -> Self {
        Opaque { pointer: NonNull::from(value).cast(), lifetime: PhantomData }
    }

    /// Of what is inside `owner`, which the table keeps as long as itself: nothing else makes the lifetime true.
    pub(super) fn of_owned(owner: &Arc<dyn Any + Send + Sync>) -> Opaque<'static> {
        Opaque { pointer: NonNull::from(&**owner).cast(), lifetime: PhantomData }
    }

    /// # Safety
    /// `self` was made from a `&T`, or `T` is a unit struct.
    #[inline]
    pub(super) unsafe fn get<T>(self) -> &'a T {
        // SAFETY: the caller vouches for the type; the lifetime is that of the reference `self` was made from. A unit
        // struct has no bytes and no alignment, so that every reference is one to it.
        unsafe { self.pointer.cast().as_ref() }
    }
}

/// The bus of a handler that asks for none: it can be put on both.
pub struct AnyBus;

/// A bus type that a handler may be called with on the bus `B`.
///
/// # Safety
/// `Self` is `B`, or a unit struct: a `&B` is read as a `&Self`.
pub unsafe trait On<B>: 'static {}

// SAFETY: it is the same type.
unsafe impl On<Bus> for Bus {}
// SAFETY: it is the same type.
unsafe impl On<SyncBus> for SyncBus {}
// SAFETY: `AnyBus` is a unit struct.
unsafe impl<B: Flavor> On<B> for AnyBus {}
