//! How many bytes of the heap are taken, by all threads together. A test program that has this has nothing running beside a
//! test.
#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicIsize, Ordering::Relaxed},
};

/// The system's allocator, and what was taken from it and not given back.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn count(taken: usize, given_back: usize) {
    LIVE.fetch_add(taken.cast_signed() - given_back.cast_signed(), Relaxed);
}

// SAFETY: every call goes to `System` as it came, and counting does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

pub(crate) fn bytes() -> isize {
    LIVE.load(Relaxed)
}
