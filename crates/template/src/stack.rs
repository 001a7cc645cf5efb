//! Threads whose stacks are large enough to compile in.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};

/// The stack of a thread that compiles, in bytes. Parsers and serialisers recurse; their depth is limited, and
/// this holds the deepest. The system gives memory only to the part that is used.
const STACK: usize = 64 << 20;

/// Does `work` in such a thread; `None` if the system gives none.
pub fn with_large<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| spawn(scope, work).map(finished))
}

/// Does `work` for every number below `count`, in as many such threads as there are processors, each with a state
/// of its own. Gives the outcomes in order; those of a thread that the system does not give are `None`.
pub fn for_each<S, T: Send>(
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
        for (number, outcome) in running.into_iter().flat_map(finished) {
            outcomes[number] = Some(outcome);
        }
    });
    outcomes
}

fn spawn<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    work: impl FnOnce() -> T + Send + 's,
) -> Option<ScopedJoinHandle<'s, T>> {
    Builder::new().name("compile".to_owned()).stack_size(STACK).spawn_scoped(scope, work).ok()
}

fn finished<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_and_in_order() {
        for count in [0, 1, 2, 1_000] {
            let outcomes = for_each(count, || 7, |state, number| state * number);
            assert_eq!(outcomes, (0..count).map(|number| Some(7 * number)).collect::<Vec<_>>());
        }
        assert_eq!(with_large(|| 3), Some(3));
    }
}
