//! Tokenization, pre-training and studies.

use crate::program::Place;

#[test]
fn texts_are_encoded_once() {
    let place = Place::new();
    let encode = "encode --dataset ag_news --data {datasets/ag_news/sample} --model \
                  {examples/mini_encoder} --max-length 32 --report report.json";
    let out = place.run(encode).done();
    assert!(
        out.contains("400 texts") && out.contains("encoded in"),
        "{out}"
    );
    assert!(place.run(encode).done().contains("opened in"));
    assert_eq!(place.json("report.json")["reused"], true);
    let message = place
        .run("encode --model {examples/mini_encoder}")
        .failed(2);
    assert!(
        message.contains("--input-file FILE or --dataset NAME"),
        "{message}"
    );
}

#[test]
fn an_encoder_is_pre_trained_further_and_trained() {
    let place = Place::new();
    let texts: String = (0..30)
        .map(|row| format!("The parcel number {row} is late.\n"))
        .collect();
    place.write("texts.txt", &texts);
    place.write("more.csv", "text\nThe lamp arrived broken.\n");
    let out = place
        .run(
            "pretrain --train-file texts.txt --train-file more.csv --max-steps 2 --max-length 16 \
             --validation-split 0.2 --run-dir a",
        )
        .done();
    assert!(out.contains("31 texts"), "{out}");
    assert!(
        out.contains("Train:      finetune train --model a/model"),
        "{out}"
    );
    assert_eq!(
        place.json("a/config.json")["config"]["validation_split"],
        0.2
    );
    place.train("b", "--model a/model --max-steps 1").done();
    place
        .run("export --model a/model --output half --dtype bf16")
        .done();
    let settings = place.run("pretrain --print-config --set masking.mask_probability=0.3");
    let message = settings.failed(2);
    assert!(message.contains("masking has "), "{message}");
}

#[test]
fn a_study_runs_from_its_file() {
    let place = Place::new();
    let data = crate::program::repository("datasets/ag_news/sample");
    let study = format!(
        "name = 'seeds'\nseeds = 2\nbase.train.duration.steps = 1\nbase.text.encoding.max_length = 16\n\
         [experiment]\ndataset = 'ag_news'\ndata = {data:?}\nmax_train_samples = 8\nmax_test_samples = 8\n"
    );
    place.write("seeds.toml", &study);
    let out = place.run("study run seeds.toml").done();
    assert!(out.contains("Report: studies/seeds/report.html"), "{out}");
    let out = place.run("study list seeds.toml").done();
    assert_eq!(out.matches("complete").count(), 2, "{out}");
}

#[test]
fn runs_on_several_tasks_are_compared_task_by_task() {
    let place = Place::new();
    let predictions = |right: usize| -> String {
        let line = |row: usize| {
            let found = if row < right { "yes" } else { "no" };
            format!("{{\"row\":{row},\"label\":\"yes\",\"prediction\":\"{found}\"}}\n")
        };
        (0..20).map(line).collect()
    };
    for (run, tasks) in [
        ("a", &[("sst", 18), ("para", 20)][..]),
        ("b", &[("sst", 12), ("sts", 20)]),
        ("c", &[("sts", 20)]),
    ] {
        std::fs::create_dir_all(place.path(&format!("{run}/predictions"))).unwrap();
        let data: Vec<String> = tasks
            .iter()
            .map(|(task, _)| format!("\"{task}\":{{\"test\":{{\"fingerprint\":\"{task}\"}}}}"))
            .collect();
        let config = format!("{{\"data\":{{{}}},\"config\":{{}}}}", data.join(","));
        place.write(&format!("{run}/config.json"), &config);
        for (task, right) in tasks {
            place.write(
                &format!("{run}/predictions/{task}.jsonl"),
                &predictions(*right),
            );
        }
    }
    std::fs::create_dir(place.path("one")).unwrap();
    place.write(
        "one/config.json",
        r#"{"data":{"test":{"fingerprint":"sst"}},"config":{}}"#,
    );
    place.write("one/predictions.jsonl", &predictions(15));

    let out = place.run("compare a b").done();
    assert!(
        out.starts_with("Task sst: a and b on 20 test rows\naccuracy: 0.9000 and 0.6000"),
        "{out}"
    );
    assert!(!out.contains("para") && !out.contains("sts"), "{out}");
    let out = place.run("compare one b --task sst --json").done();
    let compared: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(compared["scores"][0][1]["first"], 0.75);
    for (arguments, message) in [
        ("compare a c", "the runs have no task in common"),
        (
            "compare one b",
            "--task NAME is missing: one of the runs has the tasks sst, sts",
        ),
        (
            "compare a b --task sts",
            "there is no task sts to compare, but sst",
        ),
        (
            "compare one one --task sst",
            "--task sst is for runs on several tasks",
        ),
    ] {
        let error = place.run(arguments).failed(2);
        assert!(error.contains(message), "{error}");
    }
    place.run("compare a nowhere").failed(1);
}
