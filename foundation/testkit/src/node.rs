//! A real node as a child process: the built binary, started, asked, killed.

use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use crate::http::Connection;

/// Longest wait for a node to say where it listens.
const START: Duration = Duration::from_secs(60);
/// So much of what it says is kept for error messages, lines.
const SAID_MAX: usize = 200;

/// A running `conurb up`. Killed when dropped.
#[derive(Debug)]
pub struct Node {
    child: Mutex<Child>,
    id: u32,
    addr: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
}

impl Node {
    /// Starts `binary up --data DATA --listen 127.0.0.1:0` (plus `config`, where given) and waits
    /// until it is ready to answer.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not say where it listens; with what it said.
    pub fn start(binary: &Path, data: &Path, config: Option<&Path>) -> io::Result<Self> {
        let mut command = Command::new(binary);
        command.arg("up").arg("--data").arg(data);
        command.args(["--listen", "127.0.0.1:0"]);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| io::Error::other(format!("cannot start {}: {e}", binary.display())))?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let (tx, rx) = mpsc::channel();
        if let Some(out) = child.stdout.take() {
            listen(out, said.clone(), tx.clone());
        }
        if let Some(err) = child.stderr.take() {
            listen(err, said.clone(), tx);
        }
        // Both pipes closed without an address: the sender is gone, and the wait ends at once.
        let found = rx.recv_timeout(START);
        let mut node = Self {
            id: child.id(),
            child: Mutex::new(child),
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            said,
        };
        node.addr = found.map_err(|_| node.failed("it did not say where it listens"))?;
        let answer = Connection::open(node.addr)
            .and_then(|mut c| c.get("/healthz"))
            .map_err(|e| node.failed(&e.to_string()))?;
        if answer.status != 200 {
            return Err(node.failed(&format!("/healthz answered {}", answer.status)));
        }
        Ok(node)
    }

    fn failed(&self, what: &str) -> io::Error {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        io::Error::other(format!("the node: {what}; it said:\n{}", said.join("\n")))
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Processor time it has used so far, seconds, user and system. 0 where the system does not
    /// tell (no `/proc`).
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id));
        // Fields 14 and 15 of proc(5), counted from after the name in brackets; 100 ticks a second.
        let ticks = stat.ok().and_then(|text| {
            let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
            let user: u32 = fields.next()?.parse().ok()?;
            let system: u32 = fields.next()?.parse().ok()?;
            Some(f64::from(user) + f64::from(system))
        });
        ticks.unwrap_or(0.0) / 100.0
    }

    /// Most memory it has had resident so far, bytes. 0 where the system does not tell.
    #[must_use]
    pub fn memory_peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id));
        let kib = status.ok().and_then(|text| {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        });
        kib.unwrap_or(0) << 10
    }

    /// Bytes it has had written to disk so far. 0 where the system does not tell.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        let io = std::fs::read_to_string(format!("/proc/{}/io", self.id));
        let bytes = io.ok().and_then(|text| {
            let line = text.lines().find_map(|l| l.strip_prefix("write_bytes:"))?;
            line.trim().parse().ok()
        });
        bytes.unwrap_or(0)
    }

    /// Kills it (`SIGKILL`): no handler runs, nothing is flushed. Returns when it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill_now(&self) -> io::Result<()> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill()?;
        child.wait().map(drop)
    }

    /// The same for whoever has it alone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(self) -> io::Result<()> {
        self.kill_now()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.kill_now();
    }
}

/// Reads what the node says for as long as it lives; sends the first address found in it.
fn listen(
    from: impl Read + Send + 'static,
    said: Arc<Mutex<Vec<String>>>,
    found: mpsc::Sender<SocketAddr>,
) {
    std::thread::spawn(move || {
        let mut found = Some(found);
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Some(addr) = address_in(&line)
                && let Some(found) = found.take()
            {
                // Whoever waits may have given up.
                let _ = found.send(addr);
            }
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() < SAID_MAX {
                said.push(line);
            }
        }
    });
}

/// The first `127.0.0.1:PORT` in a line whose port is not 0.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.match_indices("127.0.0.1:").find_map(|(at, prefix)| {
        let digits: String = line[at + prefix.len()..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        let port: u16 = digits.parse().ok().filter(|p| *p != 0)?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_a_node_says() {
        let addr = |line| address_in(line).map(|a| a.port());
        assert_eq!(
            addr("listening on http://127.0.0.1:8440/ (ready)"),
            Some(8440)
        );
        assert_eq!(
            addr("--listen 127.0.0.1:0 gave 127.0.0.1:41234"),
            Some(41234)
        );
        assert_eq!(addr("starting"), None);
    }

    #[test]
    fn a_node_that_ends_at_once_is_an_error_with_what_it_said() {
        let dir = std::env::temp_dir();
        let error = Node::start(Path::new("/bin/echo"), &dir, None).unwrap_err();
        assert!(error.to_string().contains("up --data"), "{error}");
        assert!(Node::start(Path::new("/no/such/binary"), &dir, None).is_err());
    }
}
