//! What observers keep from the start of a dispatch to its end.

use std::any::Any;

/// The notes of a dispatch, the latest on top. Nothing is allocated until there is one.
#[derive(Default)]
pub(crate) struct Notes(Option<Box<dyn Below>>);

/// A note, whose type is forgotten, on top of the others.
trait Below: Any + Send {
    fn owner(&self) -> usize;
    fn below(&mut self) -> &mut Notes;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

struct Note<T> {
    owner: usize,
    below: Notes,
    value: T,
}

impl<T: Send + 'static> Below for Note<T> {
    fn owner(&self) -> usize {
        self.owner
    }

    fn below(&mut self) -> &mut Notes {
        &mut self.below
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// What tells the observers of a dispatch apart.
fn owner<O: ?Sized>(observer: &O) -> usize {
    std::ptr::from_ref(observer).cast::<()>().addr()
}

impl Notes {
    pub(super) fn put<T: Send + 'static>(&mut self, observer: &impl ?Sized, value: T) {
        let below = std::mem::take(self);
        self.0 = Some(Box::new(Note { owner: owner(observer), below, value }));
    }

    /// The latest of the observer, if it is a `T`. Those on top of it are of observers that never asked for them, and go.
    pub(super) fn take<T: Send + 'static>(&mut self, observer: &impl ?Sized) -> Option<T> {
        let owner = owner(observer);
        if !self.has(owner) {
            return None;
        }
        loop {
            let mut top = self.0.take()?;
            *self = std::mem::take(top.below());
            if top.owner() == owner {
                return top.into_any().downcast::<Note<T>>().ok().map(|note| note.value);
            }
        }
    }

    fn has(&mut self, owner: usize) -> bool {
        self.0.as_mut().is_some_and(|top| top.owner() == owner || top.below().has(owner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_observer_gets_its_own_note() {
        let (one, two) = (1_u8, 2_u8);
        let mut notes = Notes::default();
        notes.put(&one, "one");
        notes.put(&two, 2_i32);
        assert_eq!(notes.take::<&str>(&one), Some("one"));
        assert_eq!(notes.take::<i32>(&two), None);
        assert_eq!(notes.take::<&str>(&one), None);
    }

    #[test]
    fn the_latest_comes_first() {
        let (one, two) = (1_u8, 2_u8);
        let mut notes = Notes::default();
        notes.put(&one, 1_i32);
        notes.put(&two, 2_i32);
        notes.put(&one, 3_i32);
        assert_eq!(notes.take(&one), Some(3));
        assert_eq!(notes.take(&two), Some(2));
        assert_eq!(notes.take(&one), Some(1));
        assert_eq!(notes.take::<i32>(&one), None);
    }
}
