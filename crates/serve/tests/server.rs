//! A server for a test, and a client of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use finetune_serve::{Models, ServeConfig, ServedModel, Server};
use serde_json::Value;
use tokio::sync::oneshot;

/// A server that runs until it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) models: Models,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) fn start(models: Vec<ServedModel>, config: ServeConfig) -> TestServer {
    let models = Models::start(models, config).unwrap();
    let (stop, stopped) = oneshot::channel();
    let (send_address, address) = mpsc::channel();
    let served = models.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
            let server = Server::bind(any_port, served).await.unwrap();
            send_address.send(server.address()).unwrap();
            server
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        });
    });
    TestServer {
        address: address.recv().unwrap(),
        models,
        stop: Some(stop),
        thread: Some(thread),
    }
}

/// The folder of the bundled model.
pub(crate) fn bundled_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/message_topics")
}

/// The bundled model under the name `topics`.
pub(crate) fn bundled() -> ServedModel {
    ServedModel::load("topics", &bundled_folder(), &Device::flex()).unwrap()
}

/// The bundled model, with the defaults.
pub(crate) fn start_bundled() -> TestServer {
    start(vec![bundled()], ServeConfig::default())
}

impl TestServer {
    /// Tells it to stop, without waiting.
    pub(crate) fn begin_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until it has stopped.
    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        reply(agent().get(self.url(path)).call())
    }

    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Reply {
        let request = agent().post(self.url(path));
        reply(
            request
                .header("Content-Type", "application/json")
                .send(body),
        )
    }

    /// Asks the model about what stands in `inputs`, as JSON.
    pub(crate) fn classify(&self, model: &str, inputs: &Value) -> Reply {
        let body = serde_json::json!({ "inputs": inputs }).to_string();
        let path = format!("/v1/models/{model}/classify");
        self.post(&path, body.as_bytes())
    }

    /// A connection for bytes of one's own.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        let longest = Some(Duration::from_secs(20));
        stream.set_read_timeout(longest).unwrap();
        stream
    }

    /// Sends a request to classify a text and does not wait for the answer.
    pub(crate) fn send(&self, model: &str, text: &str) -> TcpStream {
        let body = serde_json::json!({ "inputs": text }).to_string();
        let head = head(model, body.len());
        let mut stream = self.connect();
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
        stream
    }

    /// The value of a line of `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("no {series} in\n{text}"));
        value.trim().parse().unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_to_stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let message = json["error"]["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "no message: {}", self.body);
        json["error"]["code"].as_str().unwrap().to_string()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }
}

/// The lines before the body of a request to classify.
pub(crate) fn head(model: &str, length: usize) -> String {
    format!(
        "POST /v1/models/{model}/classify HTTP/1.1\r\nHost: test\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// What the server sends until it closes the connection.
pub(crate) fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut off has said what it had to say.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

/// Waits until something is so, which it must be soon.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.build().into()
}

pub(crate) fn reply(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut response = response.unwrap();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        (name.to_string(), value.to_string())
    });
    Reply {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: response.body_mut().read_to_string().unwrap(),
    }
}
