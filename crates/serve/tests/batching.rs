//! What is asked at the same time goes through the model together, and nobody can tell.

use std::collections::HashMap;
use std::thread;

use burn::tensor::Device;
use finetune_predict::Predictor;
use finetune_serve::ServeConfig;
use serde_json::{Value, json};

use crate::scripted::Scripted;
use crate::server::{bundled_folder, eventually, start, start_bundled};

/// Texts of every length, of one token and of more than the model reads.
fn texts() -> Vec<String> {
    let file = bundled_folder().join("../../datasets/customer_messages/sample/test.csv");
    let words: Vec<String> = std::fs::read_to_string(file)
        .unwrap()
        .split_whitespace()
        .map(str::to_string)
        .collect();
    let text = |length: usize| words[length * 3..length * 4].join(" ");
    (0..150).map(text).collect()
}

/// The answer to each text, asked alone, to the last bit.
fn expected(texts: &[String]) -> HashMap<&str, Value> {
    let predictor = Predictor::load(&bundled_folder(), &Device::flex()).unwrap();
    let answer = |text: &String| {
        let prediction = predictor.predict(&[text]).unwrap().remove(0);
        serde_json::to_value(prediction).unwrap()
    };
    texts
        .iter()
        .map(|text| (text.as_str(), answer(text)))
        .collect()
}

#[test]
fn answers_are_the_predictors_bit_for_bit_alone_and_under_load() {
    let texts = texts();
    let expected = expected(&texts);
    let server = start_bundled();
    let ask = |texts: &[&String]| {
        let reply = server.classify("topics", &json!(texts));
        assert_eq!(reply.status, 200, "{}", reply.body);
        let json = reply.json();
        for (text, answer) in texts.iter().zip(json["predictions"].as_array().unwrap()) {
            assert_eq!(answer, &expected[text.as_str()], "{text}");
        }
    };
    for text in &texts {
        ask(&[text]);
    }
    // All lengths from many clients, alone and in lists, in another order for each client.
    thread::scope(|scope| {
        for client in 0..16 {
            let (texts, ask) = (&texts, &ask);
            scope.spawn(move || {
                for step in 0..60 {
                    let place =
                        |offset: usize| (client * 37 + step * 11 + offset * 29) % texts.len();
                    let some: Vec<&String> = (0..1 + client % 4)
                        .map(|offset| &texts[place(offset)])
                        .collect();
                    ask(&some);
                }
            });
        }
    });
    let batches = server.metric(r#"finetune_batch_rows_count{model="topics"}"#);
    let rows = server.metric(r#"finetune_batch_rows_sum{model="topics"}"#);
    assert_eq!(rows, (150 + 4 * 60 * (1 + 2 + 3 + 4)) as f64);
    assert!(batches < rows, "{batches} batches of {rows} rows");
}

#[test]
fn what_waits_together_is_asked_together_up_to_the_limit() {
    let model = Scripted::default();
    let config = ServeConfig {
        max_batch_size: 4,
        ..Default::default()
    };
    let server = start(vec![model.served()], config);
    model.close_gate();
    thread::scope(|scope| {
        let ask = |text: &'static str| {
            let server = &server;
            scope.spawn(move || assert_eq!(server.classify("scripted", &json!(text)).status, 200))
        };
        ask("first");
        eventually("the first is at the gate", || model.batches().len() == 1);
        for text in ["a", "b", "c", "d", "e", "f"] {
            ask(text);
        }
        eventually("all others wait", || {
            server.metric(r#"finetune_queue_rows{model="scripted"}"#) == 6.0
        });
        model.open_gate();
    });
    let sizes: Vec<usize> = model.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [1, 4, 2]);
}

#[test]
fn a_list_longer_than_a_batch_is_answered_in_order() {
    let model = Scripted::default();
    let config = ServeConfig {
        max_batch_size: 5,
        ..Default::default()
    };
    let server = start(vec![model.served()], config);
    let lengths: Vec<usize> = (0..64).map(|position| position * 37 % 64).collect();
    let texts: Vec<String> = lengths.iter().map(|&length| "x".repeat(length)).collect();
    let json = server.classify("scripted", &json!(texts)).json();
    for (prediction, length) in json["predictions"].as_array().unwrap().iter().zip(lengths) {
        assert_eq!(prediction["scores"][0]["score"], length as f64);
    }
    assert!(model.batches().iter().all(|batch| batch.len() <= 5));
}

#[test]
fn a_client_that_goes_away_costs_nothing() {
    let model = Scripted::default();
    let server = start(vec![model.served()], ServeConfig::default());
    model.close_gate();
    let mut first = server.send("scripted", "first");
    eventually("the first is at the gate", || model.batches().len() == 1);
    let waiting = r#"finetune_queue_rows{model="scripted"}"#;
    let gone = server.send("scripted", "gone");
    let stays = server.send("scripted", "stays");
    eventually("both wait", || server.metric(waiting) == 2.0);
    drop(gone);
    // Time for the server to notice. Its row is still in the queue, but nobody waits for it.
    thread::sleep(std::time::Duration::from_millis(200));
    model.open_gate();
    eventually("the other is asked", || {
        model
            .batches()
            .iter()
            .any(|batch| batch.contains(&"stays".to_string()))
    });
    assert!(
        !model
            .batches()
            .iter()
            .any(|batch| batch.contains(&"gone".to_string()))
    );
    eventually("it is counted", || {
        server.metric(r#"finetune_canceled_rows_total{model="scripted"}"#) == 1.0
    });
    drop(stays);
    first.set_nonblocking(false).unwrap();
    let mut byte = [0];
    std::io::Read::read_exact(&mut first, &mut byte).unwrap();
}

#[test]
fn one_model_does_not_wait_for_another() {
    let (slow, quick) = (Scripted::default(), Scripted::default());
    let quick_served = finetune_serve::ServedModel::new("quick", quick).unwrap();
    let server = start(vec![slow.served(), quick_served], ServeConfig::default());
    slow.close_gate();
    let _waiting = server.send("scripted", "a");
    assert_eq!(server.classify("quick", &json!("a")).status, 200);
    assert_eq!(server.get("/healthz").status, 200);
    slow.open_gate();
}
