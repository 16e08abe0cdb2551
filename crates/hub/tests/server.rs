use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The commit of every repository, unless it was given another.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Files of a repository by name, in their order.
type Files = Vec<(String, Vec<u8>)>;

/// How the hub behaves.
#[derive(Default)]
pub(crate) struct Behavior {
    /// The files of each repository, such as `datasets/owner/name`, and of each revision.
    pub(crate) repositories: BTreeMap<(String, String), (String, Files)>,
    /// Repositories that have another name now.
    pub(crate) renamed: BTreeMap<String, String>,
    /// How many more answers with the content of a file break off halfway.
    pub(crate) broken_answers: usize,
    /// How many more answers are "service unavailable".
    pub(crate) unavailable: usize,
    /// How many more answers are "too many requests", and after how many seconds to ask again.
    pub(crate) too_many: (usize, u64),
    /// What is answered to everything: a status, and a reason as in `X-Error-Code`.
    pub(crate) refusal: Option<(u16, &'static str)>,
    /// Whether content comes whole, whatever part was asked for.
    pub(crate) ignores_ranges: bool,
    /// Whether content has one wrong byte, for how many more answers.
    pub(crate) wrong_bytes: usize,
    /// Whether answers never come.
    pub(crate) silent: bool,
    /// Whether content comes from another host, as that of large files does.
    pub(crate) has_storage: bool,
    /// A hash that files have instead of their own.
    pub(crate) etag: Option<String>,
    /// Content by its hash.
    pub(crate) stored: BTreeMap<String, Vec<u8>>,
    /// What was asked for.
    pub(crate) requests: Vec<Asked>,
}

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) has_token: bool,
    pub(crate) body: Vec<u8>,
}

/// A hub on a port of its own, until the program ends.
#[derive(Clone)]
pub(crate) struct Server {
    port: u16,
    behavior: Arc<Mutex<Behavior>>,
}

impl Server {
    /// A hub with the dataset `owner/name`.
    pub(crate) fn start(files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            behavior: Arc::default(),
        };
        server.add("datasets/owner/name", "main", COMMIT, files);
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

    /// Adds a revision of a repository, or replaces it.
    pub(crate) fn add(&self, name: &str, revision: &str, commit: &str, files: &[(&str, &[u8])]) {
        let files = files
            .iter()
            .map(|(name, content)| (name.to_string(), content.to_vec()));
        let (key, value) = (
            (name.to_owned(), revision.to_owned()),
            (commit.to_owned(), files.collect()),
        );
        self.behavior().repositories.insert(key, value);
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn behavior(&self) -> MutexGuard<'_, Behavior> {
        self.behavior.lock().unwrap()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.behavior().requests.len()
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let asked = read_request(&stream)?;
        let mut behavior = self.behavior();
        behavior.requests.push(asked.clone());
        if behavior.silent {
            drop(behavior);
            thread::sleep(Duration::from_secs(20));
            return Ok(());
        }
        if take_one(&mut behavior.unavailable) {
            return refuse(&mut stream, 503, "");
        }
        if take_one(&mut behavior.too_many.0) {
            let seconds = behavior.too_many.1;
            return refuse(&mut stream, 429, &format!("Retry-After: {seconds}\r\n"));
        }
        if let Some((status, code)) = behavior.refusal {
            return refuse(&mut stream, status, &format!("X-Error-Code: {code}\r\n"));
        }
        if matches!(&asked.method[..], "POST" | "PUT") {
            let (status, body) = behavior.receive(&asked, &self.address());
            return send_json(&mut stream, status, &body);
        }
        let path = asked.path.clone();
        if let Some(place) = behavior.new_name(&path) {
            return refuse(&mut stream, 307, &format!("Location: {place}\r\n"));
        }
        if let Some(info) = behavior.info(&path) {
            return send_json(&mut stream, 200, &info);
        }
        match behavior.file(&path) {
            Some((commit, content)) => {
                let storage = format!("http://localhost:{}", self.port);
                send(
                    &mut stream,
                    &asked,
                    &commit,
                    &content,
                    &storage,
                    &mut behavior,
                )
            }
            None => {
                let code = behavior.missing(&path);
                refuse(&mut stream, 404, &format!("X-Error-Code: {code}\r\n"))
            }
        }
    }
}

impl Behavior {
    /// Where a renamed repository is now.
    fn new_name(&self, path: &str) -> Option<String> {
        let mut names = self.renamed.iter();
        names.find_map(|(old, new)| {
            let is_old = path.contains(&format!("/{old}/"));
            is_old.then(|| path.replacen(&format!("/{old}/"), &format!("/{new}/"), 1))
        })
    }

    /// What the hub says of a revision.
    fn info(&self, path: &str) -> Option<String> {
        let path = path.strip_prefix("/api/")?;
        let (name, revision) = path.split_once("/revision/")?;
        let revision = revision.replace("%2F", "/");
        let of_revision = |(key, (commit, _)): &(&(String, String), &(String, Files))| {
            key.0 == name && (key.1 == revision || *commit == revision)
        };
        let (_, (commit, files)) = self.repositories.iter().find(of_revision)?;
        let names: Vec<String> = files
            .iter()
            .map(|(name, _)| format!(r#"{{"rfilename":{name:?}}}"#))
            .collect();
        let siblings = names.join(",");
        Some(format!(r#"{{"sha":"{commit}","siblings":[{siblings}]}}"#))
    }

    /// Takes what is uploaded, as the APIs of the hub and of Git LFS do. Files of more than 1000 bytes
    /// are large.
    fn receive(&mut self, asked: &Asked, address: &str) -> (u16, String) {
        let path = &asked.path;
        if let Some(hash) = path.strip_prefix("/storage/") {
            assert_eq!(hash_of(&asked.body), hash);
            self.stored.insert(hash.to_owned(), asked.body.clone());
            return (200, String::new());
        }
        if !asked.has_token {
            return (401, String::new());
        }
        let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        let list = |value: &Value| value.as_array().unwrap().clone();
        if path == "/api/repos/create" {
            let body = json(&asked.body);
            let name = |key: &str| body[key].as_str().unwrap().to_owned();
            let key = format!(
                "{}s/{}/{}",
                name("type"),
                name("organization"),
                name("name")
            );
            let is_there = self.repositories.keys().any(|(name, _)| *name == key);
            if is_there {
                return (409, String::new());
            }
            let empty = (COMMIT.to_owned(), Files::new());
            self.repositories.insert((key, "main".to_owned()), empty);
        } else if path.contains("/preupload/") {
            let files = list(&json(&asked.body)["files"]).into_iter().map(|file| {
                let mode = if file["size"].as_u64() > Some(1000) {
                    "lfs"
                } else {
                    "regular"
                };
                json!({ "path": file["path"], "uploadMode": mode, "shouldIgnore": false })
            });
            let files: Vec<Value> = files.collect();
            return (200, json!({ "files": files }).to_string());
        } else if path.ends_with(".git/info/lfs/objects/batch") {
            let objects = list(&json(&asked.body)["objects"])
                .into_iter()
                .map(|mut object| {
                    let hash = object["oid"].as_str().unwrap().to_owned();
                    if !self.stored.contains_key(&hash) {
                        let storage = address.replace("127.0.0.1", "localhost");
                        object["actions"] = json!({
                            "upload": { "href": format!("{storage}/storage/{hash}") },
                            "verify": { "href": format!("{address}/verify") },
                        });
                    }
                    object
                });
            // As the hub answers: each object once.
            let mut objects: Vec<Value> = objects.collect();
            objects.dedup();
            return (200, json!({ "objects": objects }).to_string());
        } else if path == "/verify" {
            let hash = json(&asked.body)["oid"].as_str().unwrap().to_owned();
            assert!(self.stored.contains_key(&hash));
        } else if let Some((name, _)) = path.split_once("/commit/") {
            let name = name.trim_start_matches("/api/");
            let lines = asked.body.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.is_empty()).skip(1);
            let files = lines.map(|line| {
                let value = json(line)["value"].clone();
                let content = match value["oid"].as_str() {
                    Some(hash) => self.stored[hash].clone(),
                    None => BASE64_STANDARD
                        .decode(value["content"].as_str().unwrap())
                        .unwrap(),
                };
                (value["path"].as_str().unwrap().to_owned(), content)
            });
            let files = (COMMIT.to_owned(), files.collect());
            let url = format!("{address}/{}/commit/1", name.trim_start_matches("models/"));
            self.repositories
                .insert((name.to_owned(), "main".to_owned()), files);
            return (200, json!({ "commitUrl": url }).to_string());
        }
        (200, "{}".to_owned())
    }

    /// What there is none of.
    fn missing(&self, path: &str) -> &'static str {
        let mut names = self.repositories.keys();
        match names.any(|(name, _)| path.starts_with(&format!("/api/{name}/"))) {
            true => "RevisionNotFound",
            false => "RepoNotFound",
        }
    }

    /// The commit and the content of a file, at its own address or in the storage.
    fn file(&self, path: &str) -> Option<(String, Vec<u8>)> {
        if let Some(hash) = path.strip_prefix("/storage/") {
            let mut all = self.repositories.values();
            return all.find_map(|(commit, files)| {
                let mut files = files.iter();
                let (_, content) = files.find(|(_, content)| hash_of(content) == hash)?;
                Some((commit.clone(), content.clone()))
            });
        }
        let (name, rest) = path.strip_prefix('/')?.split_once("/resolve/")?;
        let (commit, file) = rest.split_once('/')?;
        let name = match name.starts_with("datasets/") {
            true => name.to_owned(),
            false => format!("models/{name}"),
        };
        let mut all = self.repositories.iter();
        all.find_map(|(key, (found, files))| {
            let mut files = files.iter();
            let (_, content) = files.find(|(other, _)| other == file)?;
            (key.0 == name && found == commit).then(|| (found.clone(), content.clone()))
        })
    }
}

fn hash_of(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read_request(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ');
    let mut asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        ..Asked::default()
    };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("range: bytes=") {
            asked.range = Some(value.to_owned());
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        asked.has_token |= header == "authorization: bearer secret";
    }
    asked.body = vec![0; length];
    reader.read_exact(&mut asked.body)?;
    Ok(asked)
}

fn refuse(stream: &mut TcpStream, status: u16, headers: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} No\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn send_json(stream: &mut TcpStream, status: u16, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
}

fn send(
    stream: &mut TcpStream,
    asked: &Asked,
    commit: &str,
    content: &[u8],
    storage: &str,
    behavior: &mut Behavior,
) -> std::io::Result<()> {
    let etag = behavior.etag.clone().unwrap_or_else(|| hash_of(content));
    let length = content.len();
    if behavior.has_storage && !asked.path.starts_with("/storage/") {
        let headers = format!(
            "Location: {storage}/storage/{}\r\nX-Repo-Commit: {commit}\r\n\
             X-Linked-Etag: \"{etag}\"\r\nX-Linked-Size: {length}\r\nETag: \"of the link\"\r\n",
            hash_of(content)
        );
        return refuse(stream, 302, &headers);
    }
    let range = asked.range.as_deref().filter(|_| !behavior.ignores_ranges);
    let start = range.and_then(|range| range.strip_suffix('-'));
    let start: usize = start.map_or(0, |start| start.parse().unwrap());
    if start >= length && length > 0 {
        return refuse(stream, 416, "");
    }
    let (status, place) = match range {
        Some(_) => {
            let last = length - 1;
            (
                206,
                format!("Content-Range: bytes {start}-{last}/{length}\r\n"),
            )
        }
        None => (200, String::new()),
    };
    let mut body = content[start..].to_vec();
    write!(
        stream,
        "HTTP/1.1 {status} OK\r\nETag: \"{etag}\"\r\nX-Repo-Commit: {commit}\r\n{place}\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    if asked.method == "HEAD" {
        return Ok(());
    }
    if take_one(&mut behavior.wrong_bytes) {
        body[0] ^= 1;
    }
    let sent = match take_one(&mut behavior.broken_answers) {
        true => body.len() / 2,
        false => body.len(),
    };
    stream.write_all(&body[..sent])
}

fn take_one(count: &mut usize) -> bool {
    let taken = *count > 0;
    *count = count.saturating_sub(1);
    taken
}
