//! The allocator of a policy: a bump from the end of its data. An instance lives for one decision, so that nothing is worth
//! freeing but the last block, which is how a growing list stays in place. With enough memory from the start no `memory.grow`
//! happens; each costs the host two system calls that do not scale over threads.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait over raw addresses")]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::Cell,
    ptr,
};

const PAGE: usize = 65_536;

#[global_allocator]
static BUMP: Bump = Bump { next: Cell::new(0), end: Cell::new(0) };

struct Bump {
    /// The first free byte; zero before the first block.
    next: Cell<usize>,
    /// The end of memory as it was last seen.
    end: Cell<usize>,
}

// SAFETY: a policy is one thread; the host refuses modules with threads.
// JUSTIFICATION: a static allocator must be `Sync`, and a `Cell` is not.
unsafe impl Sync for Bump {}

unsafe extern "C" {
    /// The linker's symbol for the end of data and stack; only its address means something.
    static __heap_base: u8;
}

impl Bump {
    fn start(&self) -> usize {
        if self.next.get() == 0 {
            self.next.set((&raw const __heap_base).addr());
            self.end.set(wasm32::memory_size::<0>() * PAGE);
        }
        self.next.get()
    }

    /// Makes `self.next` be `to`, growing memory where it must.
    fn take(&self, to: usize) -> Option<()> {
        if to > self.end.get() {
            let needed = (to - self.end.get()).div_ceil(PAGE);
            // Growing in steps of a quarter keeps the number of grows small; a host that limits memory may still grant less.
            let ample = needed.max(self.end.get() / PAGE / 4);
            if wasm32::memory_grow::<0>(ample) == usize::MAX && wasm32::memory_grow::<0>(needed) == usize::MAX {
                return None;
            }
            self.end.set(wasm32::memory_size::<0>() * PAGE);
        }
        self.next.set(to);
        Some(())
    }
}

// SAFETY: a block starts at a multiple of its alignment, at or after `next`, and ends at or before the end of memory, where
// `next` then is; so blocks never overlap. `next` goes back only over a block that its owner gave up.
// JUSTIFICATION: the standard allocator more than doubles the time of a decision.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = self
            .start()
            .checked_next_multiple_of(layout.align())
            .and_then(|start| Some((start, start.checked_add(layout.size())?)))
            .and_then(|(start, end)| self.take(end).map(|()| start));
        place.map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if block.addr() + layout.size() == self.next.get() {
            self.next.set(block.addr());
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if block.addr() + layout.size() == self.next.get() {
            let end = block.addr().checked_add(size);
            return end.and_then(|end| self.take(end)).map_or(ptr::null_mut(), |()| block);
        }
        if size <= layout.size() {
            return block;
        }
        // SAFETY: the caller vouches for `block` and `layout`; the new block is at least as large and apart from the old one.
        // JUSTIFICATION: copying between raw blocks is what `realloc` is.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size());
            }
            moved
        }
    }
}
