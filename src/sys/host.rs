//! Which host is this, and how much of its processors has the process used?

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The host's name, as uname(2) has it; what is not UTF-8 in it is replaced.
#[must_use]
pub fn name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// Processor time of all threads of the process since its start.
#[must_use]
pub fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or(0),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_name_and_work_takes_time() {
        assert!(!name().is_empty());
        let before = processor_time();
        let mut sum = 0_u64;
        while processor_time() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(processor_time() > before);
    }
}
