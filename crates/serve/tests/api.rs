//! What each address answers.

use std::collections::BTreeMap;

use finetune_serve::{Models, ServeConfig, router};
use serde_json::{Value, json};

use crate::scripted::Scripted;
use crate::server::{agent, bundled, reply, start, start_bundled};

#[test]
fn a_text_an_object_and_a_list_are_answered() {
    let server = start_bundled();
    let text = "Where is my parcel?";
    for (inputs, count) in [
        (json!(text), 1),
        (json!({ "text": text }), 1),
        (json!([text]), 1),
        (json!([text, { "text": "" }, text]), 3),
    ] {
        let reply = server.classify("topics", &inputs);
        assert_eq!(reply.status, 200, "{}", reply.body);
        let json = reply.json();
        assert_eq!(json["model"], "topics");
        let predictions = json["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), count);
        for prediction in predictions {
            let listed = prediction["probabilities"].as_array().unwrap();
            assert_eq!(prediction["label"], listed[0]["label"]);
            let sum: f64 = listed
                .iter()
                .map(|one| one["probability"].as_f64().unwrap())
                .sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
        assert_eq!(predictions[0], predictions[count - 1]);
    }
}

#[test]
fn the_likeliest_labels_only_if_asked() {
    let server = start_bundled();
    for (top_k, listed) in [(1, 1), (2, 2), (100, 4)] {
        let body = json!({ "inputs": "Refund me", "top_k": top_k }).to_string();
        let reply = server.post("/v1/models/topics/classify", body.as_bytes());
        let probabilities = reply.json()["predictions"][0]["probabilities"].clone();
        assert_eq!(probabilities.as_array().unwrap().len(), listed);
    }
}

#[test]
fn pairs_are_answered_by_models_that_take_them() {
    let server = start(vec![Scripted::default().served()], ServeConfig::default());
    let inputs = json!([{ "text": "four", "text_pair": "x" }, "two words"]);
    let json = server.classify("scripted", &inputs).json();
    assert_eq!(json["predictions"][0]["scores"][0]["score"], 4.0);
    assert_eq!(json["predictions"][1]["scores"][0]["score"], 9.0);
}

#[test]
fn models_tell_about_themselves() {
    let models = vec![bundled(), Scripted::default().served()];
    let server = start(models, ServeConfig::default());
    let list = server.get("/v1/models").json();
    let topics = &list["models"][0];
    assert_eq!(topics["name"], "topics");
    assert_eq!(topics["task"], "single_label_classification");
    assert_eq!(topics["input"], "text");
    assert_eq!(
        topics["labels"],
        json!(["billing", "delivery", "returns", "technical"])
    );
    assert_eq!(topics["max_tokens"], 128);
    assert!(
        topics["card"]
            .as_str()
            .unwrap()
            .starts_with("# Message topics")
    );
    assert_eq!(topics["examples"].as_array().unwrap().len(), 4);
    assert_eq!(list["models"][1]["card"], Value::Null);
    assert_eq!(list["limits"]["texts"], 64);
    assert_eq!(&server.get("/v1/models/topics").json(), topics);
}

#[test]
fn those_who_run_it_are_told_how_it_is() {
    let server = start_bundled();
    assert_eq!(server.get("/healthz").body, "ok\n");
    assert_eq!(server.get("/readyz").status, 200);
    server.classify("topics", &json!(["a", "b"]));
    let route = r#"{route="/v1/models/{name}/classify",status="200"}"#;
    assert_eq!(
        server.metric(&format!("finetune_requests_total{route}")),
        1.0
    );
    assert_eq!(
        server.metric(r#"finetune_batch_rows_sum{model="topics"}"#),
        2.0
    );
    assert_eq!(server.metric(r#"finetune_queue_rows{model="topics"}"#), 0.0);
    // Whatever addresses clients make up, the number of series stays.
    server.get("/no/such/address");
    assert_eq!(
        server.metric(r#"finetune_requests_total{route="none",status="404"}"#),
        1.0
    );
    let metrics = server.get("/metrics");
    assert!(
        metrics
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
}

#[test]
fn the_document_has_every_address_and_the_limits_of_this_server() {
    let config = ServeConfig {
        max_texts: 7,
        max_text_chars: 123,
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    let document = server.get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/healthz",
            "/metrics",
            "/readyz",
            "/v1/models",
            "/v1/models/{name}",
            "/v1/models/{name}/classify",
            "/v1/models/{name}/embed"
        ]
    );
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Inputs"]["oneOf"][1]["maxItems"], 7);
    assert_eq!(schemas["Inputs"]["oneOf"][1]["minItems"], 1);
    assert_eq!(schemas["Input"]["oneOf"][0]["maxLength"], 123);
    assert_eq!(
        schemas["InputParts"]["properties"]["text"]["maxLength"],
        123
    );
    // Both questions may fail in the same ways.
    let responses = |question: &str| {
        let path = format!("/v1/models/{{name}}/{question}");
        let responses = document["paths"][&path]["post"]["responses"].as_object();
        let mut responses: BTreeMap<String, Value> =
            responses.unwrap().clone().into_iter().collect();
        responses.remove("200").unwrap();
        responses
    };
    let errors = responses("classify");
    assert_eq!(errors, responses("embed"));
    let statuses: Vec<&String> = errors.keys().collect();
    assert_eq!(
        statuses,
        [
            "400", "401", "404", "408", "413", "415", "422", "500", "503"
        ]
    );
    let body = &errors["503"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/ErrorBody");
    let retry = &errors["503"]["headers"]["Retry-After"];
    assert_eq!(retry["schema"]["type"], "integer");
    for reference in references(&document) {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn wrong_addresses_and_methods_are_errors_in_json() {
    let server = start_bundled();
    let reply = server.get("/v2/models");
    assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
    let reply = server.get("/v1/models/topics/classify");
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (405, "method_not_allowed")
    );
    assert_eq!(reply.header("allow"), Some("POST"));
    for name in ["nothing", "%ff", "..%2f..%2fetc"] {
        let reply = server.get(&format!("/v1/models/{name}"));
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (404, "unknown_model"),
            "{name}"
        );
        assert!(reply.body.contains("there are: topics"));
    }
}

#[test]
fn the_routes_can_be_mounted_in_a_server_of_ones_own() {
    let models = Models::start(vec![bundled()], ServeConfig::default()).unwrap();
    let app = axum::Router::new().nest("/topics", router(&models));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async { axum::serve(listener, app).await });
    let url = format!("http://{address}/topics/v1/models/topics/classify");
    let request = agent().post(url).header("Content-Type", "application/json");
    let reply = reply(request.send(r#"{"inputs": "a"}"#));
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// All `$ref`s.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(object) => {
            let own = object.get("$ref").and_then(Value::as_str);
            own.into_iter()
                .chain(object.values().flat_map(references))
                .collect()
        }
        Value::Array(array) => array.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
