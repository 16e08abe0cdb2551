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
