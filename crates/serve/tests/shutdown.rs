//! Stopping: what is in flight ends, what is new is not begun.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use finetune_serve::ServeConfig;
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::{eventually, read_all, start, start_bundled};

#[test]
fn what_is_in_flight_is_answered() {
    let model = Scripted::default();
    let mut server = start(vec![model.served()], ServeConfig::default());
    let mut waiting = model.hold_two(&server);
    server.begin_to_stop();
    eventually("nobody is let in any more", || {
        TcpStream::connect(server.address).is_err()
    });
    assert!(!server.models.is_ready());
    model.open_gate();
    for stream in &mut waiting {
        assert!(read_all(stream).starts_with("HTTP/1.1 200"));
    }
    server.wait();
}

#[test]
fn a_connection_that_asks_nothing_does_not_hold_it_up() {
    let mut server = start_bundled();
    // One that never asked, and one that is kept open after its answer.
    let _silent = server.connect();
    let _kept = server.send("topics", "a");
    let agent = crate::server::agent();
    assert_eq!(
        crate::server::reply(agent.get(server.url("/healthz")).call()).status,
        200
    );
    let start = Instant::now();
    server.begin_to_stop();
    server.wait();
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "waited for the timeout"
    );
}

#[test]
fn whoever_does_not_end_is_cut_off() {
    let model = Scripted::default();
    let config = ServeConfig {
        shutdown_timeout_ms: 100,
        ..Default::default()
    };
    let mut server = start(vec![model.served()], config);
    model.close_gate();
    let mut stream = server.send("scripted", "a");
    eventually("it is at the gate", || model.batches().len() == 1);
    server.begin_to_stop();
    server.wait();
    assert_eq!(read_all(&mut stream), "");
    model.open_gate();
}

#[test]
fn the_threads_of_models_end_with_them() {
    let model = Scripted::default();
    let server = start(vec![model.served()], ServeConfig::default());
    assert_eq!(server.classify("scripted", &json!("a")).status, 200);
    server.models.close();
    let refused = server.classify("scripted", &json!("b"));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "shutting_down")
    );
    assert_eq!(server.get("/readyz").status, 503);
    drop(server);
}
