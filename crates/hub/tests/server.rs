use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

/// The commit of every repository.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// How the hub behaves.
#[derive(Default)]
pub(crate) struct Behavior {
    /// The files of the repository `owner/name`, in their order.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// How many more answers with the content of a file break off halfway.
    pub(crate) broken_answers: usize,
    /// How many more answers are "service unavailable".
    pub(crate) unavailable: usize,
    /// Whether content comes whole, whatever part was asked for.
    pub(crate) ignores_ranges: bool,
    /// Whether content has one wrong byte, for how many more answers.
    pub(crate) wrong_bytes: usize,
    /// Whether answers never come.
    pub(crate) silent: bool,
    /// A hash that files have instead of their own.
    pub(crate) etag: Option<String>,
    /// What was asked for: the path, and the range if one was given.
    pub(crate) requests: Vec<(String, Option<String>)>,
}

/// A hub on a port of its own, until the program ends.
#[derive(Clone)]
pub(crate) struct Server {
    address: String,
    behavior: Arc<Mutex<Behavior>>,
}

impl Server {
    pub(crate) fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let files = files
            .iter()
            .map(|(name, content)| (name.to_string(), content.to_vec()));
        let server = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            behavior: Arc::new(Mutex::new(Behavior {
                files: files.collect(),
                ..Behavior::default()
            })),
        };
        let answering = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = answering.clone();
                // A client may hang up at any time.
                thread::spawn(move || server.answer(stream).unwrap_or(()));
            }
        });
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn behavior(&self) -> MutexGuard<'_, Behavior> {
        self.behavior.lock().unwrap()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.behavior().requests.len()
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let (path, range) = read_request(&stream)?;
        let mut behavior = self.behavior();
        behavior.requests.push((path.clone(), range.clone()));
        if behavior.silent {
            drop(behavior);
            thread::sleep(Duration::from_secs(20));
            return Ok(());
        }
        if take_one(&mut behavior.unavailable) {
            return write!(
                stream,
                "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        if path == "/api/datasets/owner/name/revision/main" {
            let names: Vec<String> = behavior
                .files
                .iter()
                .map(|(name, _)| format!(r#"{{"rfilename":{name:?}}}"#))
                .collect();
            let body = format!(r#"{{"sha":"{COMMIT}","siblings":[{}]}}"#, names.join(","));
            return write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
        let prefix = format!("/datasets/owner/name/resolve/{COMMIT}/");
        let file = path.strip_prefix(&prefix);
        let found = behavior
            .files
            .iter()
            .find(|(name, _)| Some(name.as_str()) == file)
            .cloned();
        match found {
            Some((_, content)) => send(&mut stream, &content, range, &mut behavior),
            None => write!(
                stream,
                "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
        }
    }
}

fn read_request(stream: &TcpStream) -> std::io::Result<(String, Option<String>)> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            range = Some(value.to_owned());
        }
    }
    Ok((path, range))
}

fn send(
    stream: &mut TcpStream,
    content: &[u8],
    range: Option<String>,
    behavior: &mut Behavior,
) -> std::io::Result<()> {
    let etag = behavior.etag.clone().unwrap_or_else(|| {
        Sha256::digest(content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    });
    let is_metadata = range.as_deref() == Some("0-0");
    let (start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
        Some(("0", "0")) => (0, 1),
        Some((start, _)) if !behavior.ignores_ranges => (start.parse().unwrap(), content.len()),
        _ => (0, content.len()),
    };
    if start >= content.len() {
        return write!(
            stream,
            "HTTP/1.1 416 No Such Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let mut body = content[start..end].to_vec();
    if !is_metadata && take_one(&mut behavior.wrong_bytes) {
        body[0] ^= 1;
    }
    let sent = if !is_metadata && take_one(&mut behavior.broken_answers) {
        body.len() / 2
    } else {
        body.len()
    };
    write!(
        stream,
        "HTTP/1.1 206 Partial Content\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {COMMIT}\r\n\
         Content-Range: bytes {start}-{}/{}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        end - 1,
        content.len(),
        body.len()
    )?;
    stream.write_all(&body[..sent])
}

fn take_one(count: &mut usize) -> bool {
    let taken = *count > 0;
    *count = count.saturating_sub(1);
    taken
}
