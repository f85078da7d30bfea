//! What the kernel knows of a process, and a CPU quota for it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The CPU time that the threads of a process have had.
pub(crate) fn cpu(pid: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let times = fs::read_to_string(task.path().join("schedstat")).ok()?; // gone if the thread just ended
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Holds a process to a share of one CPU, as the kernel's bandwidth control does: so much time in each period of 20 ms,
/// then stopped until the next; what was used too much is paid back. By SIGSTOP and SIGCONT, which need no rights. The
/// time is looked at ten times per millisecond, so a period can run over by so much. Ends when dropped.
pub(crate) struct Quota {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

const PERIOD: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_micros(100);

impl Quota {
    pub(crate) fn start(pid: u32, share: f64) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let flag = ended.clone();
        let process = Pid::from_raw(pid.try_into().expect("a pid"));
        let thread = thread::spawn(move || {
            let mut allowed = Duration::ZERO;
            let mut period_ends = Instant::now();
            while !flag.load(Ordering::Relaxed) {
                if Instant::now() >= period_ends {
                    period_ends += PERIOD;
                    // What was not used is lost.
                    allowed = allowed.min(cpu(pid)) + PERIOD.mul_f64(share);
                    let _ = kill(process, Signal::SIGCONT);
                }
                if cpu(pid) >= allowed {
                    let _ = kill(process, Signal::SIGSTOP);
                    thread::sleep(period_ends.saturating_duration_since(Instant::now()));
                } else {
                    thread::sleep(LOOK);
                }
            }
            let _ = kill(process, Signal::SIGCONT);
        });
        Self { ended, thread: Some(thread) }
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
