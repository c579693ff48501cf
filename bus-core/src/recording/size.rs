//! What a record takes in memory.

use super::{Record, Withheld, record::Texts};

impl Record {
    /// In bytes. The texts that the compiler made are nobody's.
    pub(super) fn size(&self) -> usize {
        size_of::<Record>() + self.texts.all.capacity()
    }

    /// Leaves out what makes it too large.
    #[cold]
    pub(super) fn withhold(&mut self) {
        let error = self.error().map(str::to_owned);
        if self.payload().is_some() {
            self.withheld = Some(Withheld::TooLarge);
        }
        self.texts = Texts::default();
        if let Some(error) = error {
            self.texts.error = Some(0..error.len());
            self.texts.all = error;
        }
    }
}
