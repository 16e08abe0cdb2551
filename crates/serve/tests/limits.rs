//! What is bounded: the queue, sizes, times, and who may ask.

use std::io::Write;
use std::time::{Duration, Instant};

use finetune_serve::{Models, ServeConfig, ServeError, ServedModel};
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::{agent, bundled, eventually, head, read_all, reply, start};

#[test]
fn a_full_queue_answers_at_once_and_recovers() {
    let model = Scripted::default();
    let config = ServeConfig {
        max_queue_size: 3,
        max_texts: 3,
        ..Default::default()
    };
    let server = start(vec![model.served()], config);
    model.close_gate();
    let first = server.send("scripted", "first");
    eventually("the first is at the gate", || model.batches().len() == 1);
    let waiting = [server.send("scripted", "a"), server.send("scripted", "b")];
    eventually("two wait", || {
        server.metric(r#"finetune_queue_rows{model="scripted"}"#) == 2.0
    });
    // The model is held up: only a refusal can come back.
    let refused = server.classify("scripted", &json!(["c", "d"]));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "queue_full")
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    // One that fits is taken, and whoever leaves makes room.
    let third = server.send("scripted", "c");
    eventually("three wait", || {
        server.metric(r#"finetune_queue_rows{model="scripted"}"#) == 3.0
    });
    assert_eq!(server.classify("scripted", &json!("d")).status, 503);
    drop((waiting, third));
    eventually("there is room again", || {
        let mut stream = server.send("scripted", "e");
        stream
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        !read_all(&mut stream).starts_with("HTTP/1.1 503")
    });
    model.open_gate();
    eventually("it answers again", || {
        server.classify("scripted", &json!("f")).status == 200
    });
    drop(first);
}

#[test]
fn an_answer_that_takes_too_long() {
    let model = Scripted::default();
    let config = ServeConfig {
        request_timeout_ms: 50,
        ..Default::default()
    };
    let server = start(vec![model.served()], config);
    model.close_gate();
    let late = server.classify("scripted", &json!("a"));
    assert_eq!((late.status, late.code().as_str()), (503, "answer_timeout"));
    assert_eq!(late.header("retry-after"), Some("1"));
    model.open_gate();
    eventually("it answers again", || {
        server.classify("scripted", &json!("b")).status == 200
    });
}

#[test]
fn clients_that_send_too_slowly() {
    let config = ServeConfig {
        header_timeout_ms: 300,
        body_timeout_ms: 300,
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    // One that never says anything, one in the middle of its headers, one in its body.
    let start = Instant::now();
    let mut silent = server.connect();
    let mut headers = server.connect();
    headers
        .write_all(b"POST /v1/models HTTP/1.1\r\nHost: a\r\nX-S")
        .unwrap();
    let mut body = server.connect();
    body.write_all(format!("{}{{\"inp", head("topics", 100)).as_bytes())
        .unwrap();
    let replies = [&mut silent, &mut headers, &mut body].map(read_all);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(replies[0], "");
    assert!(
        replies[1].is_empty() || replies[1].starts_with("HTTP/1.1 408"),
        "{}",
        replies[1]
    );
    assert!(replies[2].starts_with("HTTP/1.1 408"), "{}", replies[2]);
    assert!(replies[2].contains("body_timeout"), "{}", replies[2]);
}

#[test]
fn a_body_in_drops() {
    let config = ServeConfig {
        body_timeout_ms: 300,
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    let mut stream = server.connect();
    stream.write_all(head("topics", 1000).as_bytes()).unwrap();
    // Each byte comes in time, all of them do not.
    let mut drops = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        for _ in 0..100 {
            if drops.write_all(b" ").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(read_all(&mut stream).starts_with("HTTP/1.1 408"));
    drop(stream);
    sender.join().unwrap();
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn more_connections_than_allowed_wait() {
    let config = ServeConfig {
        max_connections: 2,
        header_timeout_ms: 500,
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    let _idle = [server.connect(), server.connect()];
    // It is served when the idle ones are closed.
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn only_those_with_the_token_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret\n").unwrap();
    let config = ServeConfig {
        token_file: Some(file),
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    for path in [
        "/v1/models",
        "/v1/models/topics",
        "/v1/models/nothing",
        "/metrics",
    ] {
        for token in [
            None,
            Some("Bearer wrong"),
            Some("s3cret"),
            Some("Basic s3cret"),
        ] {
            let mut request = agent().get(server.url(path));
            if let Some(token) = token {
                request = request.header("Authorization", token);
            }
            let reply = reply(request.call());
            assert_eq!((reply.status, reply.code().as_str()), (401, "unauthorized"));
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
        let right = agent().get(server.url(path));
        let reply = reply(right.header("Authorization", "Bearer s3cret").call());
        assert_ne!(reply.status, 401);
    }
    assert_eq!(server.classify("topics", &json!("a")).status, 401);
    // Nothing about the models, and what asks whether it runs has no token.
    for path in ["/", "/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_both_values() {
    let model = || Scripted::default().served();
    let message = |models, config| Models::start(models, config).unwrap_err().to_string();
    let default = ServeConfig::default;
    assert_eq!(message(vec![], default()), "no models to serve");
    let twice = message(vec![model(), model()], default());
    assert_eq!(
        twice,
        "two models are called scripted: this program and this program"
    );
    let no_rows = ServeConfig {
        max_batch_size: 0,
        ..default()
    };
    assert_eq!(
        message(vec![model()], no_rows),
        "max_batch_size is 0, expected at least 1"
    );
    let no_file = ServeConfig {
        token_file: Some("/nowhere/token".into()),
        ..default()
    };
    assert!(message(vec![model()], no_file).starts_with("/nowhere/token: "));
    let nowhere = ServedModel::load("a", "/nowhere".as_ref(), &burn::tensor::Device::flex());
    let error = nowhere.unwrap_err();
    assert!(matches!(error, ServeError::Model { .. }), "{error}");
    assert!(
        error.to_string().starts_with("model a: /nowhere: "),
        "{error}"
    );
}

#[test]
fn a_port_in_use_is_named() {
    let server = start(vec![Scripted::default().served()], ServeConfig::default());
    let models = Models::start(vec![Scripted::default().served()], ServeConfig::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let second = runtime.block_on(finetune_serve::Server::bind(server.address, models));
    let message = second.unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("cannot listen on {}: ", server.address)),
        "{message}"
    );
}
