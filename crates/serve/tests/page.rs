//! The demo page, in a real browser: `FINETUNE_CHROMIUM=/usr/bin/chromium cargo test ... -- page --ignored`.
//! Without a browser the tests that need one do nothing.

use std::path::Path;

use finetune_serve::{ServeConfig, ServedModel};
use serde_json::{Value, json};

use crate::chromium::Browser;
use crate::scripted::Scripted;
use crate::server::{TestServer, bundled, start, start_bundled};

const TEXT: &str = "Please send me a return label, the boots are too small.";

fn label(server: &TestServer, text: &str) -> Value {
    server.classify("topics", &json!(text)).json()["predictions"][0]["label"].take()
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let server = start_bundled();
    let page = server.get("/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; connect-src 'self'"),
        "{policy}"
    );
    assert!(!page.body.contains("//cdn") && !page.body.contains("https://"));
    assert!(page.body.len() < 20_000, "{} bytes", page.body.len());
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn a_text_is_typed_and_classified_by_keyboard() {
    let mut browser = Browser::start();
    let server = start_bundled();
    browser.open(&server.url("/"));
    // The text has the focus once the models are known.
    browser.wait_for("document.activeElement.id === 'text'");
    browser.type_text(TEXT);
    browser.press("Enter", 2);
    browser.wait_for("!document.getElementById('result').hidden");
    let shown = browser.value("document.querySelector('.answer strong').textContent");
    assert_eq!(shown, label(&server, TEXT));
    let rows = browser.value("document.querySelectorAll('#result li').length");
    assert_eq!(rows, 4);
    // From the text onwards everything is reached with Tab: examples, button, card, document.
    let mut reached = Vec::new();
    for _ in 0..7 {
        browser.press("Tab", 0);
        let focused = "document.activeElement.id || document.activeElement.tagName.toLowerCase()";
        reached.push(browser.value(focused).as_str().unwrap().to_string());
    }
    let expected = [
        "button", "button", "button", "button", "ask", "summary", "document",
    ];
    assert_eq!(reached, expected);
    // Everything that takes input has a name that is read out.
    let nameless = "[...document.querySelectorAll('input, select, textarea')]
        .filter((field) => field.labels.length === 0).length";
    assert_eq!(browser.value(nameless), 0);
    let elsewhere = "performance.getEntriesByType('resource')
        .filter((entry) => !entry.name.startsWith(location.origin)).length";
    assert_eq!(browser.value(elsewhere), 0);
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn an_example_is_a_press_away() {
    let mut browser = Browser::start();
    let server = start_bundled();
    browser.open(&server.url("/"));
    browser.wait_for("document.activeElement.id === 'text'");
    browser.press("Tab", 0);
    browser.press("Enter", 0);
    browser.wait_for("!document.getElementById('result').hidden");
    let text = browser.value("document.getElementById('text').value");
    let shown = browser.value("document.querySelector('.answer strong').textContent");
    assert_eq!(shown, label(&server, text.as_str().unwrap()));
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn models_are_picked_and_pairs_are_asked() {
    let mut browser = Browser::start();
    let models = vec![bundled(), Scripted::default().served()];
    let server = start(models, ServeConfig::default());
    browser.open(&server.url("/#model=scripted&text=four&text_pair=x"));
    browser.wait_for("!document.getElementById('result').hidden");
    assert_eq!(
        browser.value("document.querySelector('.value').textContent"),
        "4.000"
    );
    assert_eq!(
        browser.value("document.getElementById('second').hidden"),
        false
    );
    browser.value(
        "document.getElementById('model').selectedIndex = 0;
         document.getElementById('model').dispatchEvent(new Event('change'))",
    );
    assert_eq!(
        browser.value("document.getElementById('second').hidden"),
        true
    );
    assert_eq!(
        browser.value("document.getElementById('result').hidden"),
        true
    );
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn what_goes_wrong_is_said() {
    let mut browser = Browser::start();
    let model = Scripted::default();
    let mut server = start(vec![model.served()], ServeConfig::default());
    browser.open(&server.url("/#text=fail"));
    let said = "document.getElementById('error').textContent";
    browser.wait_for(&format!("{said} === 'the server failed'"));
    server.begin_to_stop();
    server.wait();
    browser.value("document.getElementById('form').requestSubmit()");
    browser.wait_for(&format!("{said} === 'The server cannot be reached.'"));
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn a_text_is_never_markup() {
    let mut browser = Browser::start();
    let name = "<img src=x onerror=document.title='caught'>";
    let hostile = ServedModel::new("hostile", Scripted::default()).unwrap();
    let hostile = hostile.with_examples(vec![name.into()]).unwrap();
    let server = start(vec![hostile], ServeConfig::default());
    browser.open(&server.url("/"));
    browser.wait_for("document.querySelectorAll('#examples button').length === 1");
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
    assert_ne!(browser.value("document.title"), "caught");
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn a_token_is_asked_for() {
    let mut browser = Browser::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "s3cret").unwrap();
    let config = ServeConfig {
        token_file: Some(file),
        ..Default::default()
    };
    let server = start(vec![bundled()], config);
    browser.open(&server.url("/"));
    browser.wait_for("document.activeElement.id === 'token'");
    browser.type_text("wrong");
    browser.press("Enter", 0);
    browser.wait_for("document.getElementById('error').textContent.includes('does not know')");
    browser.value("document.getElementById('token').value = ''");
    browser.type_text("s3cret");
    browser.press("Enter", 0);
    browser.wait_for("document.activeElement.id === 'text'");
    assert_eq!(
        browser.value("document.getElementById('token-form').hidden"),
        true
    );
}

#[test]
#[ignore = "needs FINETUNE_CHROMIUM, the path of a Chromium"]
fn it_is_light_and_dark_and_fits_a_telephone() {
    let mut browser = Browser::start();
    let server = start_bundled();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let link = format!("/#model=topics&text={}", TEXT.replace(' ', "+"));
    let screen = json!({ "width": 900, "height": 1050, "deviceScaleFactor": 1, "mobile": false });
    browser.command("Emulation.setDeviceMetricsOverride", screen);
    for scheme in ["light", "dark"] {
        let feature = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.command("Emulation.setEmulatedMedia", json!({ "features": feature }));
        browser.open(&server.url(&link));
        browser.wait_for("!document.getElementById('result').hidden");
        let page = browser.value("getComputedStyle(document.body).backgroundColor");
        let expected = match scheme {
            "light" => "rgb(246, 247, 249)",
            _ => "rgb(20, 23, 28)",
        };
        assert_eq!(page, expected);
        browser.picture(&folder.join(format!("page-{scheme}.png")));
    }
    let telephone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true });
    browser.command("Emulation.setDeviceMetricsOverride", telephone);
    browser.open(&server.url(&link));
    browser.wait_for("!document.getElementById('result').hidden");
    assert_eq!(
        browser.value("document.documentElement.scrollWidth <= 320"),
        true
    );
    browser.picture(&folder.join("page-telephone.png"));
}
