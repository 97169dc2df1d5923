//! On which cores may we run, and how is a thread kept on one?

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores this process may use, in order; never empty.
#[must_use]
pub fn allowed_cores() -> Vec<usize> {
    let cores: Vec<usize> = sched_getaffinity(None).map_or_else(
        |_| Vec::new(),
        |set| {
            (0..CpuSet::MAX_CPU)
                .filter(|core| set.is_set(*core))
                .collect()
        },
    );
    if cores.is_empty() { vec![0] } else { cores }
}

/// Keeps the calling thread on the `index`th allowed core, counted round.
///
/// # Errors
/// What the operating system says, for example in a container that forbids it.
pub fn pin_current_thread(index: usize) -> io::Result<()> {
    let cores = allowed_cores();
    let Some(core) = cores.get(index % cores.len().max(1)) else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(*core);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_use_one_core() {
        let all = allowed_cores();
        let pinned = std::thread::spawn(|| {
            pin_current_thread(1).unwrap();
            allowed_cores()
        })
        .join()
        .unwrap();
        assert_eq!(pinned, [all[1 % all.len()]]);
        assert_eq!(allowed_cores(), all, "the others are left alone");
    }
}
