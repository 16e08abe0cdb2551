use std::fs;
use std::path::Path;

use finetune_hub::{Hub, HubError, Repository, UploadConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// A directory with a model, whose weights are large.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("README.md", b"# A card");
    write("1_Pooling/config.json", b"{}");
    write("model.safetensors", &[7; 5000]);
    // The same content under another name.
    write("copy.safetensors", &[7; 5000]);
    write(".hidden", b"not uploaded");
    directory
}

fn hub(server: &Server, cache: &Path) -> Hub {
    Hub::new(cache).endpoint(server.address()).token("secret")
}

#[test]
fn a_directory_is_uploaded_in_one_commit_and_comes_back() {
    let server = Server::start(&[]);
    let (model, cache) = (directory(), tempfile::tempdir().unwrap());
    let hub = hub(&server, cache.path());
    let repository = Repository::model("owner/topics");
    let config = UploadConfig {
        message: "The first model".to_owned(),
        ..UploadConfig::default()
    };
    let commit = hub
        .upload_directory(&repository, model.path(), &config)
        .unwrap();
    assert_eq!(
        commit,
        format!("{}/owner/topics/commit/1", server.address())
    );

    let behavior = server.behavior();
    let of = |method: &str, end: &str| {
        let mut requests = behavior.requests.iter();
        let asked = requests.find(|asked| asked.method == method && asked.path.ends_with(end));
        asked.unwrap().clone()
    };
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let created = json(&of("POST", "/api/repos/create").body);
    assert_eq!(
        (&created["organization"], &created["name"]),
        (&"owner".into(), &"topics".into())
    );
    assert_eq!(created["private"], true);
    let commit = String::from_utf8(of("POST", "/commit/main").body).unwrap();
    let lines: Vec<Value> = commit.lines().map(|line| json(line.as_bytes())).collect();
    assert_eq!(lines[0]["value"]["summary"], "The first model");
    let paths: Vec<&str> = lines[1..]
        .iter()
        .map(|line| line["value"]["path"].as_str().unwrap())
        .collect();
    let expected = [
        "copy.safetensors",
        "model.safetensors",
        "1_Pooling/config.json",
        "README.md",
    ];
    assert_eq!(paths, expected);
    // The storage knows a request by its address, and does not see the token.
    let stored: Vec<_> = behavior
        .requests
        .iter()
        .filter(|asked| asked.method == "PUT")
        .collect();
    assert_eq!(stored.len(), 1);
    assert!(!stored[0].has_token && stored[0].body == [7; 5000]);
    drop(behavior);

    let back = hub.snapshot_download(&repository, &["*", "*/*"]).unwrap();
    for file in expected {
        let read = |folder: &Path| fs::read(folder.join(file)).unwrap();
        assert_eq!(read(&back), read(model.path()), "{file}");
    }
    assert!(!back.join(".hidden").exists());

    // Another time, the repository is there, and the storage has the weights.
    hub.upload_directory(&repository, model.path(), &config)
        .unwrap();
    let puts = server
        .behavior()
        .requests
        .iter()
        .filter(|asked| asked.method == "PUT")
        .count();
    assert_eq!(puts, 1);
}

#[test]
fn what_cannot_be_uploaded_is_said_before_anything_is() {
    let server = Server::start(&[]);
    let (model, cache) = (directory(), tempfile::tempdir().unwrap());
    let upload = |hub: &Hub, directory: &Path| {
        let repository = Repository::model("owner/topics");
        hub.upload_directory(&repository, directory, &UploadConfig::default())
            .unwrap_err()
    };
    let anonymous = Hub::new(cache.path()).endpoint(server.address());
    let error = upload(&anonymous, model.path()).to_string();
    assert!(
        error.contains("the hub wants a token: set HF_TOKEN"),
        "{error}"
    );
    let hub = hub(&server, cache.path());
    let error = upload(&hub.clone().local_files_only(true), model.path());
    assert!(matches!(error, HubError::UploadOffline { .. }), "{error}");
    for missing in [cache.path(), &cache.path().join("no such directory")] {
        let error = upload(&hub, missing);
        assert!(matches!(error, HubError::Io { .. }), "{error}");
    }
    server.behavior().refusal = Some((403, ""));
    let error = upload(&hub, model.path()).to_string();
    assert!(error.contains("has no right to do this"), "{error}");
    let posts = server.request_count();
    assert_eq!(posts, 2);
}
