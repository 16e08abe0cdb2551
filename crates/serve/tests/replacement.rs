//! Replacing a model while it is asked: no request is lost.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use finetune_serve::{ServeConfig, ServeError, ServedModel};
use serde_json::json;

use crate::scripted::Scripted;
use crate::server::{eventually, read_all, start};

#[test]
fn what_waits_is_answered_by_the_model_before() {
    let (before, after) = (Scripted::default(), Scripted::default());
    let server = start(vec![before.served()], ServeConfig::default());
    let mut waiting = before.hold_two(&server);
    server.models.replace(after.served()).unwrap();
    // The new one does not wait for the old one.
    let reply = server.classify("scripted", &json!("third"));
    assert_eq!(reply.status, 200);
    assert_eq!(after.batches(), [["third"]]);
    before.open_gate();
    for stream in &mut waiting {
        assert!(read_all(stream).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(before.batches().len(), 2);
    assert!(server.models.is_ready());
}

#[test]
fn clients_do_not_notice() {
    let server = start(vec![Scripted::default().served()], ServeConfig::default());
    let (done, answers) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let reply = server.classify("scripted", &json!(["one", "three"]));
                    assert_eq!(reply.status, 200, "{}", reply.body);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..50 {
            let seen = answers.load(Ordering::Relaxed);
            server.models.replace(Scripted::default().served()).unwrap();
            eventually("clients go on", || {
                answers.load(Ordering::Relaxed) > seen + 4
            });
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn only_a_served_model_is_replaced() {
    let server = start(vec![Scripted::default().served()], ServeConfig::default());
    let other = ServedModel::new("other", Scripted::default()).unwrap();
    let error = server.models.replace(other).unwrap_err();
    assert!(matches!(error, ServeError::UnknownName { .. }), "{error}");
    assert_eq!(server.models.served().len(), 1);
}
