//! The only function that a policy can call. Lines go to the decision record; their bytes are bounded in total, and what is over
//! is dropped. Natively they are kept for the thread, so that tests and the native evaluator see the same lines.

pub use crate::contract::shared::nicety::policy::log::Level;

/// One line. A policy that wants to explain a choice uses its `reason` instead.
pub fn emit(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::contract::shared::nicety::policy::log::emit(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    native::LINES.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

/// The lines of this thread since the last call, oldest first.
#[cfg(not(target_arch = "wasm32"))]
pub fn take() -> Vec<(Level, String)> {
    native::LINES.take()
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::cell::RefCell;

    use super::Level;

    thread_local! {
        pub static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_in_order_and_taken_once() {
        emit(Level::Info, "first");
        emit(Level::Warn, "second");
        assert_eq!(take(), [(Level::Info, "first".to_owned()), (Level::Warn, "second".to_owned())]);
        assert_eq!(take(), []);
    }
}
