//! A real browser, driven through its debugging interface.
//!
//! The interface is JSON over a WebSocket on the loopback address; the little of both that it takes
//! is here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{agent, eventually, reply};

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    socket: TcpStream,
    commands: u64,
    _profile: TempDir,
}

impl Browser {
    /// Starts the browser that `FINETUNE_CHROMIUM` names.
    pub(crate) fn start() -> Self {
        let program = std::env::var_os("FINETUNE_CHROMIUM").unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args(["--remote-debugging-port=0", "--window-size=900,1000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = said
            .find_map(|line| {
                let line = line.unwrap();
                let address = line.strip_prefix("DevTools listening on ws://")?;
                address.split('/').next().map(str::to_string)
            })
            .unwrap();
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || said.for_each(drop));
        Self {
            process,
            socket: connect(&address),
            commands: 0,
            _profile: profile,
        }
    }

    /// A command of the debugging interface, and its result.
    pub(crate) fn command(&mut self, method: &str, params: Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let message = json!({ "id": id, "method": method, "params": params });
        send(&mut self.socket, &message.to_string());
        loop {
            let mut message: Value = serde_json::from_str(&receive(&mut self.socket)).unwrap();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    /// Goes to an address and waits until the page is there.
    pub(crate) fn open(&mut self, url: &str) {
        self.command("Page.navigate", json!({ "url": "about:blank" }));
        self.command("Page.navigate", json!({ "url": url }));
        self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'");
    }

    /// The value of an expression in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let mut result = self.command("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    pub(crate) fn wait_for(&mut self, expression: &str) {
        eventually(expression, || self.value(expression) == true);
    }

    /// Types a text where the focus is.
    pub(crate) fn type_text(&mut self, text: &str) {
        self.command("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key; `modifiers` is 2 for Ctrl.
    pub(crate) fn press(&mut self, key: &str, modifiers: u32) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            " " => (32, Some(" ")),
            _ => panic!("{key}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code,
            });
            if let (Some(text), "keyDown") = (text, kind) {
                event["text"] = text.into();
            }
            self.command("Input.dispatchKeyEvent", event);
        }
    }

    /// Writes a picture of what is seen.
    pub(crate) fn picture(&mut self, path: &Path) {
        let picture = self.command("Page.captureScreenshot", json!({}));
        std::fs::write(path, base64(picture["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Opens the WebSocket of the browser's page.
fn connect(address: &str) -> TcpStream {
    let list = || reply(agent().get(format!("http://{address}/json/list")).call()).json();
    let page = |list: &Value| {
        let pages = list.as_array()?.iter();
        let page = pages.clone().find(|page| page["type"] == "page")?;
        page["webSocketDebuggerUrl"].as_str().map(str::to_string)
    };
    eventually("the page is there", || page(&list()).is_some());
    let url = page(&list()).unwrap();
    let path = url.splitn(4, '/').nth(3).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read::<1>(&mut socket)[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    socket
}

/// One text message, with a mask of zeros.
fn send(socket: &mut TcpStream, text: &str) {
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend((text.len() as u64).to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    socket.write_all(&frame).unwrap();
}

/// The next text message.
fn receive(socket: &mut TcpStream) -> String {
    let mut message = Vec::new();
    loop {
        let [first, second] = read(socket);
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(read(socket))),
            127 => u64::from_be_bytes(read(socket)),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        socket.read_exact(&mut payload).unwrap();
        // Text, or more of it; anything else is not for us.
        if first & 0x0f <= 1 {
            message.extend(payload);
            if first & 0x80 != 0 {
                return String::from_utf8(message).unwrap();
            }
        }
    }
}

fn read<const N: usize>(socket: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    socket.read_exact(&mut bytes).unwrap();
    bytes
}

fn base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("no base64: {byte}"),
    };
    let digits = text.bytes().filter(|&byte| byte != b'=').map(value);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
