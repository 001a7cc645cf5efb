//! Threads with a stack that is large enough for compilation.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

/// The size of the stack of a compiling thread, in bytes. Parsers and serializers recurse up to a
/// limit, and this is enough for the maximum depth. The system allocates memory only for the part
/// that is used.
const STACK_SIZE: usize = 64 << 20;

/// Runs `work` in a thread with a large stack. `None` if the system cannot start one.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| spawn(scope, work).map(join))
}

/// Runs `work` for every number below `count`, in one thread with a large stack for each processor.
/// Each thread has its own `state`. Returns the results in order; a number that no thread has
/// processed, because the system could not start any, has `None`.
pub fn run_for_each<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&S, usize) -> T + Sync,
) -> Vec<Option<T>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(count);
    let next = AtomicUsize::new(0);
    let worker = || {
        let state = state();
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, work(&state, number)));
        }
    };
    let mut outcomes: Vec<Option<T>> = (0..count).map(|_| None).collect();
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).filter_map(|_| spawn(scope, worker)).collect();
        for (number, outcome) in running.into_iter().flat_map(join) {
            outcomes[number] = Some(outcome);
        }
    });
    outcomes
}

fn spawn<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> Option<ScopedJoinHandle<'s, T>> {
    Builder::new().name("compile".to_owned()).stack_size(STACK_SIZE).spawn_scoped(scope, work).ok()
}

fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_processed_once_and_in_order() {
        for count in [0, 1, 2, 1_000] {
            let outcomes = run_for_each(count, || 7, |state, number| state * number);
            assert_eq!(outcomes, (0..count).map(|number| Some(7 * number)).collect::<Vec<_>>());
        }
        assert_eq!(run(|| 3), Some(3));
    }
}
