//! A function's real binary under a local Lambda Runtime API.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use lambda_simulator::{InvocationBuilder, Simulator};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Mutex as AsyncMutex,
    task::JoinHandle,
    time::Instant,
};

use crate::contract;

/// One running function. Its process ends when this is dropped.
pub struct Function {
    simulator: Simulator,
    process: AsyncMutex<Child>,
    logs: Arc<Mutex<String>>,
    /// Whether answers are held against the schemas.
    checked: bool,
    collecting: [JoinHandle<()>; 2],
}

impl Function {
    /// Starts `binary` with Lambda's variables and `env`, and nothing of this process's environment. Its log
    /// lines are kept, and with `show_logs` copied to stderr.
    pub async fn start(binary: &Path, env: impl IntoIterator<Item = (&str, String)>, show_logs: bool) -> Self {
        let name = binary.file_name().and_then(|name| name.to_str()).unwrap_or("function");
        let simulator = Simulator::builder().function_name(name).build().await.expect("a free loopback port");
        let mut process = Command::new(binary)
            .env_clear()
            .envs(simulator.lambda_env_vars())
            .envs(env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's binary starts");
        let logs = Arc::new(Mutex::new(String::new()));
        let stdout = process.stdout.take().expect("piped");
        let stderr = process.stderr.take().expect("piped");
        let collecting = [
            tokio::spawn(collect(stdout, logs.clone(), show_logs)),
            tokio::spawn(collect(stderr, logs.clone(), show_logs)),
        ];
        Self { simulator, process: AsyncMutex::new(process), logs, checked: false, collecting }
    }

    /// The same, for a test: an answer that the published schemas do not allow ends it.
    pub fn checked(self) -> Self {
        Self { checked: true, ..self }
    }

    /// One invocation: the function's answer, or Lambda's `{"errorType", "errorMessage"}`. `timeout` is the
    /// function's own; a little later the invocation counts as lost.
    pub async fn invoke(&self, payload: Value, timeout: Duration) -> Result<Value, Value> {
        let answer = self.invoke_by_id(payload, timeout).await.1;
        if self.checked {
            contract::check(&answer);
        }
        answer
    }

    /// The same, with the invocation's id: its log lines hold it as `request_id`.
    pub async fn invoke_by_id(&self, payload: Value, timeout: Duration) -> (String, Result<Value, Value>) {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let invocation =
            InvocationBuilder::new().payload(payload).timeout_ms(timeout_ms).build().expect("a payload is set");
        let id = self.simulator.enqueue(invocation).await;
        let answer = self.answer(&id, timeout).await;
        (id, answer)
    }

    async fn answer(&self, id: &str, timeout: Duration) -> Result<Value, Value> {
        let end = Instant::now() + timeout + Duration::from_secs(2);
        loop {
            // In slices: a wake-up between look and wait would be missed.
            if let Ok(state) = self.simulator.wait_for_invocation_complete(id, Duration::from_millis(50)).await {
                return match (state.response, state.error) {
                    (Some(response), _) => Ok(response.payload),
                    (None, Some(error)) => {
                        Err(json!({"errorType": error.error_type, "errorMessage": error.error_message}))
                    }
                    (None, None) => {
                        Err(json!({"errorType": "Sandbox.NoAnswer", "errorMessage": "the function answered nothing"}))
                    }
                };
            }
            if let Ok(Some(status)) = self.process.lock().await.try_wait() {
                return Err(
                    json!({"errorType": "Runtime.ExitError", "errorMessage": format!("the function's process ended: {status}")}),
                );
            }
            if Instant::now() >= end {
                return Err(
                    json!({"errorType": "Sandbox.Timedout", "errorMessage": format!("no answer within {timeout:?}")}),
                );
            }
        }
    }

    /// Kills the process, as Lambda does with an environment that it takes back.
    pub async fn kill(&self) {
        self.process.lock().await.kill().await.expect("a running process");
    }

    /// Ends the process and reads its output to the end: everything that it logged. A function writes the line of a run before
    /// it answers, so none is missing.
    pub async fn stop(mut self) -> String {
        // It may have ended by itself.
        let _ = self.process.lock().await.kill().await;
        for collecting in &mut self.collecting {
            let _ = collecting.await;
        }
        self.logs()
    }

    /// The most memory that the process has held, in MiB.
    pub async fn peak_memory_mib(&self) -> u64 {
        let pid = self.process.lock().await.id().expect("a running process");
        peak_kib(pid) / 1024
    }

    /// The log lines so far.
    pub fn logs(&self) -> String {
        self.logs.lock().expect("no panic under the lock").clone()
    }
}

/// The most memory that a process has held, in KiB; from `/proc`, so on Linux only.
pub fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    peak.expect("a peak in KiB")
}

async fn collect(stream: impl AsyncRead + Unpin, logs: Arc<Mutex<String>>, show: bool) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if show {
            eprintln!("{line}");
        }
        let mut logs = logs.lock().expect("no panic under the lock");
        logs.push_str(&line);
        logs.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_process_has_written_is_read_to_the_end_after_it_was_ended() {
        // Its child writes when the process is gone: only who reads on sees that.
        let script = std::env::temp_dir().join(format!("late-{}.sh", std::process::id()));
        std::fs::write(&script, "(while kill -0 $$ 2> /dev/null; do :; done; echo late) & echo early; wait\n").unwrap();
        let env = [("BASH_ENV", script.display().to_string())];
        let function = Function::start(Path::new("/bin/bash"), env, false).await;
        while !function.logs().contains("early") {
            tokio::task::yield_now().await;
        }
        assert_eq!(function.stop().await, "early\nlate\n");
        std::fs::remove_file(script).unwrap();
    }
}
