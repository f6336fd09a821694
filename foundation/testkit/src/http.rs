//! A lean HTTP/1.1 client: one kept-alive connection, prebuilt bodies, little work of its own, so
//! that a load test on the same machine measures the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest answer taken, bytes.
const BODY_MAX: usize = 256 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

/// The end of a connection that sends requests.
#[derive(Debug)]
pub struct Sender {
    stream: TcpStream,
    host: SocketAddr,
}

/// The end of a connection that reads answers, in the order of the requests.
#[derive(Debug)]
pub struct Receiver {
    stream: BufReader<TcpStream>,
    line: String,
}

/// A kept-alive connection, one request at a time.
#[derive(Debug)]
pub struct Connection {
    sender: Sender,
    receiver: Receiver,
}

/// Opens a connection whose ends can be used by two threads (pipelining).
///
/// # Errors
/// When nobody answers there.
pub fn connect(host: SocketAddr) -> io::Result<(Sender, Receiver)> {
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let receiver = Receiver {
        stream: BufReader::with_capacity(64 << 10, stream.try_clone()?),
        line: String::new(),
    };
    Ok((Sender { stream, host }, receiver))
}

impl Sender {
    /// Sends a request; `headers` are whole lines ending in CR LF. Returns when the system has
    /// taken its last byte.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<()> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n{headers}\r\n",
            self.host,
            body.len()
        );
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)
    }
}

impl Receiver {
    /// Reads one whole answer.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let head = self.head()?;
        let mut body = Vec::new();
        match head.length {
            Length::Known(n) => {
                body.resize(n, 0);
                self.stream.read_exact(&mut body)?;
            }
            Length::Chunked => while self.chunk(&mut body)? {},
        }
        Ok(Answer {
            status: head.status,
            body,
        })
    }

    fn line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }

    fn head(&mut self) -> io::Result<Head> {
        let first = self.line()?;
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| io::Error::other(format!("no status line: {first}")))?;
        let mut length = Length::Known(0);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Head { status, length });
            }
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                let n = value.parse().ok().filter(|n| *n <= BODY_MAX);
                length = Length::Known(n.ok_or_else(|| io::Error::other("a strange length"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                length = Length::Chunked;
            }
        }
    }

    /// Appends the next chunk to `body`; false after the last one.
    fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let line = self.line()?;
        let size = line.split(';').next().unwrap_or_default();
        let n = usize::from_str_radix(size, 16)
            .ok()
            .filter(|n| body.len() + n <= BODY_MAX)
            .ok_or_else(|| io::Error::other(format!("a strange chunk: {line}")))?;
        let start = body.len();
        body.resize(start + n, 0);
        self.stream.read_exact(&mut body[start..])?;
        self.line()?;
        Ok(n > 0)
    }

    /// Reads the head of an event stream, then hands the data of each event to `each` until it
    /// returns false or the server ends the stream.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is no event stream.
    pub fn events(&mut self, mut each: impl FnMut(&str) -> bool) -> io::Result<()> {
        let head = self.head()?;
        if head.status != 200 || !matches!(head.length, Length::Chunked) {
            let what = format!("status {} where an event stream should be", head.status);
            return Err(io::Error::other(what));
        }
        let (mut text, mut data) = (Vec::new(), String::new());
        while self.chunk(&mut text)? {
            let mut start = 0;
            while let Some(n) = text[start..].iter().position(|b| *b == b'\n') {
                let line = String::from_utf8_lossy(&text[start..start + n]);
                let line = line.trim_end();
                start += n + 1;
                if let Some(part) = line.strip_prefix("data:") {
                    data.push_str(part.trim_start());
                } else if line.is_empty() && !data.is_empty() {
                    if !each(&data) {
                        return Ok(());
                    }
                    data.clear();
                }
            }
            text.drain(..start);
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    length: Length,
}

enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Opens a connection.
    ///
    /// # Errors
    /// When nobody answers there.
    pub fn open(host: SocketAddr) -> io::Result<Self> {
        let (sender, receiver) = connect(host)?;
        Ok(Self { sender, receiver })
    }

    /// One request and its answer.
    ///
    /// # Errors
    /// When the connection breaks, or what comes is no HTTP.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        self.sender.send(method, path, headers, body)?;
        self.receiver.answer()
    }

    /// GET without further headers.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, "", b"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// A server that answers every connection with `text`.
    fn server(text: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        });
        host
    }

    #[test]
    fn answers_are_read_with_a_length_and_in_chunks() {
        let mut known = Connection::open(server(
            "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n[]",
        ))
        .unwrap();
        let answer = known.get("/").unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"[]"[..]));
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n3;x=1\r\ncde\r\n0\r\n\r\n";
        let mut chunked = Connection::open(server(text)).unwrap();
        assert_eq!(chunked.get("/").unwrap().body, b"abcde");
        let mut broken = Connection::open(server("what?\r\n")).unwrap();
        assert!(broken.get("/").is_err());
        let mut cut =
            Connection::open(server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")).unwrap();
        assert!(cut.get("/").is_err(), "half an answer is no answer");
    }

    #[test]
    fn events_come_whole_wherever_the_chunks_are_cut() {
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                    8\r\ndata: {\"\r\n7\r\na\":1}\n\n\r\n10\r\n: ping\n\ndata: 2\n\r\n1\r\n\n\r\n0\r\n\r\n";
        let (mut sender, mut receiver) = connect(server(text)).unwrap();
        sender.send("GET", "/", "", b"").unwrap();
        let mut seen = Vec::new();
        let end = receiver.events(|data| {
            seen.push(data.to_owned());
            true
        });
        end.unwrap();
        assert_eq!(seen, ["{\"a\":1}", "2"]);
    }
}
