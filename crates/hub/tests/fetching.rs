use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use finetune_hub::{Hub, HubError, Repository};
use tempfile::TempDir;

use crate::server::{COMMIT, Server};

const WANTED: &[&str] = &["data/*.parquet"];

fn repository() -> Repository {
    Repository::dataset("owner/name")
}

/// A hub with a large and a small file, a cache of its own, and little patience.
fn hub() -> (Server, TempDir, Hub) {
    let train: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let server = Server::start(&[
        ("README.md", b"a card"),
        ("data/train.parquet", &train),
        ("data/test.parquet", b"some rows"),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(cache.path())
        .endpoint(server.address())
        .read_timeout(Duration::from_secs(5));
    (server, cache, hub)
}

fn assert_fetched(server: &Server, folder: &Path) {
    let behavior = server.behavior();
    let (_, files) = behavior.repositories.values().next().unwrap();
    for (name, content) in files {
        let path = folder.join(name);
        assert_eq!(path.exists(), name != "README.md", "{name}");
        assert!(
            name == "README.md" || fs::read(path).unwrap() == *content,
            "{name}"
        );
    }
}

#[test]
fn files_are_downloaded_once() {
    let (server, cache, hub) = hub();
    let (mut files, mut bytes) = (Vec::new(), 0);
    let folder = hub.fetch_with(&repository(), WANTED, &mut |progress| {
        files.push((progress.file.clone(), progress.index, progress.files));
        bytes = progress.bytes;
    });
    let folder = folder.unwrap();
    assert_fetched(&server, &folder);
    assert_eq!(
        folder,
        cache
            .path()
            .join("datasets--owner--name/snapshots")
            .join(COMMIT)
    );
    assert_eq!(files[0], ("data/train.parquet".to_owned(), 0, 2));
    assert_eq!((files.last().unwrap().1, bytes), (1, 9));

    let requests = server.request_count();
    assert_eq!(
        hub.snapshot_download(&repository(), WANTED).unwrap(),
        folder
    );
    assert_eq!(
        hub.clone()
            .local_files_only(true)
            .snapshot_download(&repository(), WANTED)
            .unwrap(),
        folder
    );
    assert_eq!(server.request_count(), requests);

    // Asked again, the hub has the same commit: nothing is downloaded.
    hub.clone()
        .force_download(true)
        .snapshot_download(&repository(), WANTED)
        .unwrap();
    assert_eq!(server.request_count(), requests + 1);
    // Another file of the same commit.
    hub.snapshot_download(&repository(), &["README.md"])
        .unwrap();
    assert_eq!(fs::read(folder.join("README.md")).unwrap(), b"a card");
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let (server, _cache, hub) = hub();
    server.behavior().broken_answers = 2;
    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert_fetched(&server, &folder);
    let behavior = server.behavior();
    let gets = behavior
        .requests
        .iter()
        .filter(|asked| asked.method == "GET");
    let ranges: Vec<_> = gets.map(|asked| asked.range.as_deref()).collect();
    // The listing, the large file in three parts, and the small one.
    assert_eq!(ranges, [None, None, Some("600000-"), Some("900000-"), None]);
}

#[test]
fn a_later_run_goes_on_too() {
    let (server, _cache, hub) = hub();
    server.behavior().broken_answers = 1;
    let error = hub
        .clone()
        .max_attempts(1)
        .snapshot_download(&repository(), WANTED)
        .unwrap_err();
    assert!(
        matches!(error, HubError::Unreachable { attempts: 1, .. }),
        "{error}"
    );
    assert!(
        hub.clone()
            .local_files_only(true)
            .snapshot_download(&repository(), WANTED)
            .is_err()
    );

    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert_fetched(&server, &folder);
    let requests = &server.behavior().requests;
    assert!(
        requests
            .iter()
            .any(|asked| asked.range.as_deref() == Some("600000-"))
    );
}

#[test]
fn a_part_that_does_not_fit_is_downloaded_anew() {
    for spoil in ["ignored range", "too long", "complete"] {
        let (server, cache, hub) = hub();
        server.behavior().broken_answers = 1;
        assert!(
            hub.clone()
                .max_attempts(1)
                .snapshot_download(&repository(), WANTED)
                .is_err()
        );
        let blobs = cache.path().join("datasets--owner--name/blobs");
        let part = fs::read_dir(blobs)
            .unwrap()
            .flatten()
            .map(|entry| entry.path());
        let mut part = part.filter(|path| path.extension().is_some_and(|end| end == "incomplete"));
        let part = part.next().unwrap();
        match spoil {
            "ignored range" => server.behavior().ignores_ranges = true,
            "too long" => fs::write(part, vec![0; 2_000_000]).unwrap(),
            _ => fs::write(part, vec![0; 1_200_000]).unwrap(),
        }
        let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
        assert_fetched(&server, &folder);
    }
}

#[test]
fn a_file_with_another_hash_is_never_used() {
    let (server, _cache, hub) = hub();
    server.behavior().wrong_bytes = 1;
    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert_fetched(&server, &folder);

    let (server, cache, hub) = self::hub();
    server.behavior().wrong_bytes = 100;
    let error = hub
        .clone()
        .max_attempts(2)
        .snapshot_download(&repository(), WANTED)
        .unwrap_err();
    assert!(matches!(error, HubError::Corrupted { .. }), "{error}");
    let snapshot = cache
        .path()
        .join("datasets--owner--name/snapshots")
        .join(COMMIT);
    assert!(!snapshot.join("data/train.parquet").exists());
    assert!(
        hub.local_files_only(true)
            .snapshot_download(&repository(), WANTED)
            .is_err()
    );
}

#[test]
fn small_files_have_the_hash_of_git() {
    let server = Server::start(&[("a.txt", b"hello\n")]);
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(cache.path())
        .endpoint(server.address())
        .max_attempts(1);
    // As `git hash-object` prints it.
    server.behavior().etag = Some("ce013625030ba8dba906f756967f9e9ca394464a".to_owned());
    hub.snapshot_download(&repository(), &["a.txt"]).unwrap();

    let other = tempfile::tempdir().unwrap();
    server.behavior().etag = Some("ce013625030ba8dba906f756967f9e9ca394464b".to_owned());
    let hub = Hub::new(other.path())
        .endpoint(server.address())
        .max_attempts(1);
    let error = hub
        .snapshot_download(&repository(), &["a.txt"])
        .unwrap_err();
    assert!(matches!(error, HubError::Corrupted { .. }), "{error}");
}

#[test]
fn what_the_hub_has_not_is_said() {
    let (server, _cache, hub) = hub();
    let error = hub
        .snapshot_download(&Repository::dataset("owner/other"), WANTED)
        .unwrap_err();
    assert!(
        matches!(error, HubError::UnknownRepository { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("owner/other"), "{error}");
    assert_eq!(server.request_count(), 1);

    let error = hub
        .snapshot_download(&repository(), &["*.csv"])
        .unwrap_err();
    assert_eq!(error.to_string(), "owner/name (main): no file like *.csv");
    let error = hub
        .snapshot_download(&repository().with_revision("../main"), WANTED)
        .unwrap_err();
    assert!(
        matches!(error, HubError::InvalidRepository { .. }),
        "{error}"
    );
}

#[test]
fn offline_the_hub_is_not_asked() {
    let (server, _cache, hub) = hub();
    let error = hub
        .local_files_only(true)
        .snapshot_download(&repository(), WANTED)
        .unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
    assert!(error.to_string().contains("data/*.parquet"), "{error}");
    assert_eq!(server.request_count(), 0);
}

#[test]
fn offline_the_cache_of_another_library_is_used() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("datasets--owner--name");
    let snapshot = folder.join("snapshots").join(COMMIT);
    fs::create_dir_all(snapshot.join("data")).unwrap();
    fs::create_dir_all(folder.join("refs")).unwrap();
    fs::write(folder.join("refs/main"), COMMIT).unwrap();
    fs::write(snapshot.join("data/train.parquet"), "rows").unwrap();

    let hub = Hub::new(cache.path())
        .endpoint("http://127.0.0.1:9")
        .local_files_only(true);
    assert_eq!(
        hub.snapshot_download(&repository(), WANTED).unwrap(),
        snapshot
    );
    assert_eq!(
        hub.snapshot_download(&repository().with_revision(COMMIT), WANTED)
            .unwrap(),
        snapshot
    );
    let error = hub
        .snapshot_download(&repository(), &["*.json"])
        .unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }), "{error}");
}

#[test]
fn a_busy_hub_is_asked_again_and_a_missing_one_is_an_error() {
    let (server, _cache, hub) = hub();
    server.behavior().unavailable = 2;
    assert_fetched(
        &server,
        &hub.snapshot_download(&repository(), WANTED).unwrap(),
    );

    // A port that no one listens at.
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::new(cache.path())
        .endpoint(format!("http://{closed}"))
        .max_attempts(2);
    let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
    assert!(
        matches!(error, HubError::Unreachable { attempts: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_silent_hub_is_not_waited_for() {
    let (server, _cache, hub) = hub();
    server.behavior().silent = true;
    let start = Instant::now();
    let hub = hub.read_timeout(Duration::from_millis(300));
    let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
    assert!(matches!(error, HubError::Timeout { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn names_that_climb_out_are_refused() {
    for name in [
        "../../evil.parquet",
        "/etc/evil.parquet",
        "data/../../../evil.parquet",
    ] {
        let server = Server::start(&[(name, b"evil"), ("data/good.parquet", b"good")]);
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::new(cache.path()).endpoint(server.address());
        // Even if another file is wanted.
        let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
        assert!(matches!(error, HubError::UnsafeName { .. }), "{error}");
        assert_eq!(server.request_count(), 1);
    }
    for etag in ["../../../evil", "a/b"] {
        let (server, _cache, hub) = hub();
        server.behavior().etag = Some(etag.to_owned());
        let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
        assert!(matches!(error, HubError::UnsafeName { .. }), "{error}");
    }
}

#[test]
fn programs_that_fetch_the_same_wait_for_each_other() {
    let (server, _cache, hub) = hub();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_fetched(
                    &server,
                    &hub.snapshot_download(&repository(), WANTED).unwrap(),
                )
            });
        }
    });
    // The listing, and each file's content.
    let behavior = server.behavior();
    let gets = behavior
        .requests
        .iter()
        .filter(|asked| asked.method == "GET");
    assert_eq!(gets.count(), 3);
}

#[test]
fn a_renamed_repository_is_found_under_its_old_name() {
    let (server, cache, hub) = hub();
    let names = ["datasets/old", "datasets/owner/name"].map(str::to_owned);
    server.behavior().renamed.extend([names.into()]);
    let old = Repository::dataset("old");
    let folder = hub.snapshot_download(&old, WANTED).unwrap();
    assert_fetched(&server, &folder);
    assert!(folder.starts_with(cache.path().join("datasets--old")));
}

#[test]
fn large_files_come_from_another_host_which_does_not_see_the_token() {
    let (server, cache, hub) = hub();
    server.behavior().has_storage = true;
    server.behavior().broken_answers = 1;
    let hub = hub.token("secret");
    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert_fetched(&server, &folder);
    for asked in &server.behavior().requests {
        let is_storage = asked.path.starts_with("/storage/");
        assert_eq!(asked.has_token, !is_storage, "{asked:?}");
    }
    // The name of a file links to its content, which has the name of its hash.
    let blob = fs::canonicalize(folder.join("data/test.parquet")).unwrap();
    let blobs = cache.path().join("datasets--owner--name/blobs");
    assert_eq!(blob.parent().unwrap(), fs::canonicalize(blobs).unwrap());
    assert_eq!(blob.file_name().unwrap().len(), 64);
}

#[test]
fn a_file_begun_by_another_library_is_completed() {
    let (server, cache, hub) = hub();
    let content = server.behavior().repositories.values().next().unwrap().1[1].clone();
    let etag = "0123".to_owned();
    server.behavior().etag = Some(etag);
    let blobs = cache.path().join("datasets--owner--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join("0123.incomplete"), &content.1[..1000]).unwrap();
    let only = ["data/train.parquet"];
    let folder = hub.snapshot_download(&repository(), &only).unwrap();
    assert_eq!(fs::read(folder.join(only[0])).unwrap(), content.1);
    let behavior = server.behavior();
    let range = behavior.requests.last().unwrap().range.as_deref();
    assert_eq!(range, Some("1000-"));
}

#[test]
fn too_many_requests_are_waited_for_within_a_limit() {
    let (server, _cache, hub) = hub();
    server.behavior().too_many = (1, 1);
    let start = Instant::now();
    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert_fetched(&server, &folder);

    let (server, _cache, hub) = self::hub();
    server.behavior().too_many = (1, 3600);
    let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
    assert!(
        error.to_string().contains("try again in 3600 seconds"),
        "{error}"
    );
    assert_eq!(server.request_count(), 1);
}

#[test]
fn a_refusal_says_what_to_do() {
    for (status, code, token, expected) in [
        (
            401,
            "GatedRepo",
            None,
            "/datasets/owner/name, then set HF_TOKEN",
        ),
        (
            403,
            "GatedRepo",
            Some("secret"),
            "use a token of the account that was granted it",
        ),
        (403, "", Some("secret"), "has no right to do this"),
        (
            401,
            "",
            Some("wrong"),
            "the hub refuses the token: it is invalid",
        ),
        (
            401,
            "RepoNotFound",
            None,
            "has no such dataset; a private one needs a token in HF_TOKEN",
        ),
        (
            404,
            "RevisionNotFound",
            None,
            "the repository has no such revision",
        ),
    ] {
        let (server, _cache, hub) = hub();
        server.behavior().refusal = Some((status, code));
        let hub = token.map_or(hub.clone(), |token| hub.token(token));
        let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{status} {code}: {error}"
        );
        assert_eq!(server.request_count(), 1);
    }
}

#[test]
fn a_mistyped_name_is_answered_with_the_nearest_of_the_cache() {
    let (server, cache, hub) = hub();
    for id in ["owner/nome", "far/away", "other/name"] {
        server.add(
            &format!("datasets/{id}"),
            "main",
            COMMIT,
            &[("a.csv", b"a")],
        );
        hub.snapshot_download(&Repository::dataset(id), &["*.csv"])
            .unwrap();
    }
    hub.snapshot_download(&repository(), WANTED).unwrap();
    let mistyped = Repository::dataset("owner/nam");
    let error = hub.snapshot_download(&mistyped, WANTED).unwrap_err();
    let names_of_cache = |error: &HubError| {
        let text = error.to_string();
        let (_, names) = text
            .split_once("; in the cache, the nearest first: ")
            .unwrap();
        let names: Vec<&str> = names.split(", ").collect();
        assert_eq!((names[0], names[3]), ("owner/name", "far/away"), "{error}");
    };
    names_of_cache(&error);
    let offline = hub.clone().local_files_only(true);
    let error = offline.snapshot_download(&mistyped, WANTED).unwrap_err();
    names_of_cache(&error);
    // A model has nothing to do with them.
    let model = Repository::model("owner/nam");
    let error = offline.snapshot_download(&model, WANTED).unwrap_err();
    assert!(!error.to_string().contains("nearest"), "{error}");

    let nowhere = Hub::new(cache.path()).endpoint("http://no-such-host.invalid");
    let error = nowhere.snapshot_download(&mistyped, WANTED).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    names_of_cache(&error);
}

#[test]
fn without_a_network_files_of_another_library_do() {
    let (server, _cache, hub) = hub();
    let folder = hub.snapshot_download(&repository(), WANTED).unwrap();
    // Another library keeps no listing.
    fs::remove_dir_all(folder.ancestors().nth(2).unwrap().join("listings")).unwrap();
    server.behavior().unavailable = 100;
    let hub = hub.max_attempts(1);
    assert_eq!(
        hub.snapshot_download(&repository(), WANTED).unwrap(),
        folder
    );
    assert_eq!(server.request_count(), 6);
    let error = hub
        .snapshot_download(&repository(), &["*.csv"])
        .unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
}

#[test]
fn a_commit_is_fetched_by_itself() {
    let (server, _cache, hub) = hub();
    let other = "f".repeat(40);
    let pinned = repository().with_revision(COMMIT);
    let folder = hub.snapshot_download(&pinned, WANTED).unwrap();
    server.add(
        "datasets/owner/name",
        "main",
        &other,
        &[("data/a.parquet", b"new")],
    );
    let newer = hub.snapshot_download(&repository(), WANTED).unwrap();
    assert_eq!(newer.file_name().unwrap().to_str(), Some(&other[..]));
    assert_eq!(hub.snapshot_download(&pinned, WANTED).unwrap(), folder);
    let found = Repository::of_snapshot(&folder).unwrap();
    assert_eq!(found, pinned);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_the_name_does_not_appear() {
    let (server, cache, hub) = hub();
    server.behavior().etag = Some("0123".to_owned());
    let blobs = cache.path().join("datasets--owner--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    // A device on which every write fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", blobs.join("0123.incomplete")).unwrap();
    let error = hub.snapshot_download(&repository(), WANTED).unwrap_err();
    let HubError::DiskFull { missing, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(missing, 1_200_000);
    assert!(error.to_string().contains("set HF_HOME"), "{error}");
    assert!(!cache.path().join("datasets--owner--name/refs").exists());
}
