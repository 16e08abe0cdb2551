//! Whatever a client sends, it is told what is wrong, and the server goes on.

use std::io::Write;

use finetune_serve::ServeConfig;
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::{TestServer, agent, head, read_all, reply, start, start_bundled};

const CLASSIFY: &str = "/v1/models/topics/classify";

fn still_works(server: &TestServer) {
    let reply = server.classify("topics", &json!("Where is my parcel?"));
    assert_eq!(reply.status, 200, "{}", reply.body);
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = start_bundled();
    let many = format!("{{\"inputs\": [{}\"a\"]}}", "\"a\",".repeat(64));
    let long = json!({ "inputs": ["a", "x".repeat(20_001)] }).to_string();
    for (body, status, code) in [
        (&b""[..], 400, "invalid_json"),
        (b"not JSON", 400, "invalid_json"),
        (b"{\"inputs\": \"a\"", 400, "invalid_json"),
        (b"{\"inputs\": \"a\"} {}", 400, "invalid_json"),
        (b"{\"inputs\": \"\\ud800\"}", 400, "invalid_json"),
        (b"{\"inputs\": \"\xff\xfe\"}", 400, "invalid_utf8"),
        (b"null", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b"{\"inputs\": 1}", 422, "invalid_request"),
        (b"{\"inputs\": null}", 422, "invalid_request"),
        (b"{\"inputs\": [\"a\", 1]}", 422, "invalid_request"),
        (b"{\"inputs\": [[\"a\"]]}", 422, "invalid_request"),
        (b"{\"inputs\": {\"txt\": \"a\"}}", 422, "invalid_request"),
        (b"{\"inputs\": \"a\", \"other\": 1}", 422, "invalid_request"),
        (b"{\"inputs\": \"a\", \"top_k\": 0}", 422, "invalid_request"),
        (
            b"{\"inputs\": \"a\", \"top_k\": -1}",
            422,
            "invalid_request",
        ),
        (
            b"{\"inputs\": \"a\", \"top_k\": \"1\"}",
            422,
            "invalid_request",
        ),
        (b"{\"inputs\": []}", 422, "empty_list"),
        (many.as_bytes(), 422, "too_many_texts"),
        (long.as_bytes(), 422, "text_too_long"),
        (
            b"{\"inputs\": {\"text\": \"a\", \"text_pair\": \"b\"}}",
            422,
            "wrong_input_kind",
        ),
    ] {
        let reply = server.post(CLASSIFY, body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (status, code),
            "{shown}"
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    still_works(&server);
}

#[test]
fn json_nested_too_deeply() {
    let server = start_bundled();
    let body = format!("{{\"inputs\": {}", "[".repeat(100_000));
    assert!((400..500).contains(&server.post(CLASSIFY, body.as_bytes()).status));
    still_works(&server);
}

#[test]
fn the_place_of_a_mistake_is_named() {
    let server = start_bundled();
    for (body, message) in [
        (
            r#"{"inputs": ["a", 1]}"#,
            "inputs[1]: invalid type: integer `1`, expected a text or an object",
        ),
        (
            r#"{"inputs": 1}"#,
            "inputs: invalid type: integer `1`, expected a text, an object",
        ),
        (
            r#"{"input": "a"}"#,
            "unknown field `input`, expected `inputs` or `top_k`",
        ),
    ] {
        let reply = server.post(CLASSIFY, body.as_bytes());
        assert!(reply.body.contains(message), "{}", reply.body);
    }
}

#[test]
fn ten_megabytes_of_text() {
    let server = start_bundled();
    let body = json!({ "inputs": "x".repeat(10_000_000) }).to_string();
    let reply = server.post(CLASSIFY, body.as_bytes());
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (413, "body_too_large")
    );
    assert!(reply.body.contains("1048576 bytes"), "{}", reply.body);
    still_works(&server);
}

#[test]
fn ten_megabytes_of_unknown_length() {
    let server = start_bundled();
    let mut stream = server.connect();
    let head = head("topics", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    // The server answers when it has had enough, and need not read the rest.
    for _ in 0..17 {
        stream.write_all(chunk.as_bytes()).unwrap();
    }
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 413"));
    still_works(&server);
}

#[test]
fn a_body_that_is_not_said_to_be_json() {
    let server = start_bundled();
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let request = agent().post(server.url(CLASSIFY));
        let reply = reply(
            request
                .header("Content-Type", content_type)
                .send(r#"{"inputs":"a"}"#),
        );
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (415, "unsupported_media_type")
        );
    }
    let request = agent().post(server.url(CLASSIFY));
    let with_charset = request.header("Content-Type", "Application/JSON; charset=utf-8");
    assert_eq!(reply(with_charset.send(r#"{"inputs":"a"}"#)).status, 200);
}

#[test]
fn a_compressed_body() {
    let server = start_bundled();
    let send = |encoding: &str| {
        let request = agent().post(server.url(CLASSIFY));
        let request = request.header("Content-Type", "application/json");
        let request = request.header("Content-Encoding", encoding);
        reply(request.send(r#"{"inputs":"a"}"#))
    };
    for encoding in ["gzip", "zstd", "identity, gzip"] {
        let reply = send(encoding);
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (415, "unsupported_media_type")
        );
        assert!(reply.body.contains("Content-Encoding"), "{}", reply.body);
    }
    assert_eq!(send("identity").status, 200);
}

#[test]
fn an_unknown_model() {
    let server = start_bundled();
    let reply = server.classify("nothing", &json!("a"));
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "unknown_model")
    );
}

#[test]
fn bytes_that_are_no_http() {
    let server = start_bundled();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let reply = read_all(&mut stream);
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 400"),
            "{reply}"
        );
    }
    let mut stream = server.connect();
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let _ = stream.write_all(long.as_bytes());
    let reply = read_all(&mut stream);
    assert!(
        reply.is_empty() || reply.starts_with("HTTP/1.1 431"),
        "{reply}"
    );
    still_works(&server);
}

#[test]
fn a_body_that_breaks_off() {
    let server = start_bundled();
    let mut stream = server.connect();
    let request = format!("{}{{\"inputs\"", head("topics", 100));
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let reply = read_all(&mut stream);
    assert!(
        reply.is_empty() || reply.starts_with("HTTP/1.1 400"),
        "{reply}"
    );
    still_works(&server);
}

#[test]
fn what_a_model_cannot_take_spoils_no_neighbor() {
    let model = Scripted::default();
    let server = start(vec![model.served()], ServeConfig::default());
    for (text, status, code) in [
        ("panic", 500, "internal"),
        ("fail", 500, "internal"),
        ("unreadable", 422, "unusable_text"),
    ] {
        // A batch with a good text in it: held at the gate, the next two wait together.
        model.close_gate();
        let mut first = server.send("scripted", "first");
        crate::server::eventually("at the gate", || {
            model
                .batches()
                .last()
                .is_some_and(|batch| batch == &["first"])
        });
        let mut streams = [
            server.send("scripted", text),
            server.send("scripted", "good"),
        ];
        crate::server::eventually("both wait", || {
            server.metric(r#"finetune_queue_rows{model="scripted"}"#) == 2.0
        });
        model.open_gate();
        let [bad, good] = streams.each_mut().map(read_one);
        assert!(bad.starts_with(&format!("HTTP/1.1 {status}")), "{bad}");
        assert!(bad.contains(code), "{bad}");
        // What a panic says may quote the text.
        assert!(status != 500 || !bad.contains("as told"), "{bad}");
        assert!(good.starts_with("HTTP/1.1 200"), "{good}");
        assert!(read_one(&mut first).starts_with("HTTP/1.1 200"));
        assert!(model.batches().iter().any(|batch| batch.len() == 2));
    }
    assert_eq!(
        server.metric(r#"finetune_inference_errors_total{model="scripted"}"#),
        4.0
    );
}

/// One response; the connection stays open.
fn read_one(stream: &mut std::net::TcpStream) -> String {
    use std::io::Read;
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.ends_with('}') {
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "closed: {text}");
        text += std::str::from_utf8(&bytes[..read]).unwrap();
    }
    text
}
