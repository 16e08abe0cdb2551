//! Commands with names of the hub, against a server that answers as it does.

use crate::program::{Ended, Place};

/// The hub that the tests of its client use.
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "what other tests use; a test may stop"
)]
#[path = "../../hub/tests/server.rs"]
mod server;

use self::server::Server;

const TEST: &[u8] = b"message,topic
It never came,delivery
The card was refused,billing
";

/// Runs the program with a cache of its own and this hub.
fn run(place: &Place, server: &Server, arguments: &str) -> Ended {
    let mut command = place.command(arguments);
    command
        .env("HF_ENDPOINT", server.address())
        .env("HF_HOME", place.path("cache"))
        .env("HF_TOKEN", "secret")
        .env_remove("HF_HUB_OFFLINE");
    Ended::of(command.output().unwrap())
}

#[test]
fn datasets_of_the_hub_are_evaluated_and_pre_trained_on() {
    let place = Place::new();
    place.train("a", "--max-steps 2 --batch-size 8").done();
    let row = |row| format!("The parcel number {row} is late,delivery\n");
    let train: String = (0..40).map(row).collect();
    let train = format!("message,topic\n{train}");
    let server = Server::start(&[("train.csv", train.as_bytes()), ("test.csv", TEST)]);
    let columns = "--text-column message --label-column topic";
    let out = run(
        &place,
        &server,
        &format!("evaluate --model a/model --dataset owner/name {columns}"),
    )
    .done();
    assert!(out.starts_with("2 rows\n"), "{out}");
    let message = run(
        &place,
        &server,
        &format!("evaluate --model a/model --dataset owner/name --split validation {columns}"),
    )
    .failed(1);
    assert!(message.contains("expected one of train, test"), "{message}");
    let out = run(
        &place,
        &server,
        "pretrain --dataset owner/name --text-column message --max-steps 1 --run-dir p",
    )
    .done();
    assert!(out.contains("40 texts"), "{out}");
}

#[test]
fn a_model_is_uploaded_with_its_card() {
    let place = Place::new();
    let server = Server::start(&[]);
    let out = run(
        &place,
        &server,
        "upload {examples/message_topics} owner/topics --message First",
    )
    .done();
    assert!(out.trim_end().ends_with("/owner/topics/commit/1"), "{out}");
    let requests = &server.behavior().requests;
    let commit = requests
        .iter()
        .find(|asked| asked.path.contains("/commit/main"))
        .unwrap();
    let body = String::from_utf8_lossy(&commit.body);
    assert!(
        body.contains("First") && body.contains("README.md"),
        "{body}"
    );
    // The storage needs no token, and gets none.
    let of_api = |path: &str| path.starts_with("/api/");
    let mut asked = requests.iter().filter(|asked| of_api(&asked.path));
    assert!(asked.all(|asked| asked.has_token));
}

#[test]
fn only_a_model_is_uploaded() {
    let place = Place::new();
    let server = Server::start(&[]);
    let message = run(&place, &server, "upload . owner/topics").failed(2);
    assert!(message.contains("has no config.json"), "{message}");
    assert_eq!(server.request_count(), 0);
}
