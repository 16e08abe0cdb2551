//! Training of each task, and what is done with the model.

use crate::program::Place;

#[test]
fn a_classifier_from_training_to_comparison() {
    let place = Place::new();
    let out = place.train("a", "--max-steps 8 --batch-size 8").done();
    assert!(out.contains("40 training and 40 test rows"), "{out}");
    assert!(
        out.contains("Predict:    finetune predict --model a/model 'A text'"),
        "{out}"
    );
    let report = place.json("a/report.json");

    let test = "--test-file {datasets/customer_messages/sample/test.csv} --text-column message \
                --label-column topic";
    let out = place
        .run(&format!("evaluate --model a/model {test} --json"))
        .done();
    let scores: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(scores["rows"], 40);
    assert_eq!(scores["scores"]["accuracy"], report["test"]["accuracy"]);
    let out = place
        .run(&format!(
            "evaluate --model a/model {test} --metrics roc_auc"
        ))
        .done();
    assert!(out.contains("\nroc auc "), "{out}");
    let message = place
        .run(&format!(
            "evaluate --model a/model {test} --metrics rock_auc"
        ))
        .failed(1);
    assert!(message.contains("roc_auc"), "{message}");

    let out = place.run("predict --model a/model --jsonl late").done();
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["text"], "late");

    place
        .train("b", "--max-steps 2 --batch-size 8 --seed 7")
        .done();
    let out = place.run("compare a b").done();
    assert!(
        out.starts_with("a and b on 40 test rows\naccuracy: "),
        "{out}"
    );
    assert!(
        out.contains("95 % interval") && out.contains("McNemar"),
        "{out}"
    );
    let out = place.run("compare a a --json").done();
    let same: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(same["mcnemar"][0]["only_first"], 0);

    place
        .train("c", "--max-steps 1 --max-test-samples 20")
        .done();
    let message = place.run("compare a c").failed(2);
    assert!(
        message.contains("a was tested on 40 rows, c on 20"),
        "{message}"
    );
    let message = place.run("compare a nowhere").failed(1);
    assert!(message.contains("no predictions.jsonl"), "{message}");
}

#[test]
fn an_exported_model_predicts_the_same() {
    let place = Place::new();
    for (name, dtype) in [("half", "f16"), ("whole", "f32")] {
        place
            .run(&format!(
                "export --model {{examples/message_topics}} --output {name} --dtype {dtype}"
            ))
            .done();
    }
    let predict = |model: &str| {
        let mut command = place.command(&format!("predict --top-k 1 --model {model}"));
        let output = command.arg("The parcel is late").output().unwrap();
        crate::program::Ended::of(output).done()
    };
    let original = predict("{examples/message_topics}");
    assert_eq!(predict("half"), original);
    assert_eq!(predict("whole"), original);
    let size = |model: &str| {
        let file = place.path(model).join("model.safetensors");
        std::fs::metadata(file).unwrap().len()
    };
    assert!(size("half") * 5 < size("whole") * 3);
    let again = "export --model {examples/message_topics} --output half";
    let message = place.run(again).failed(2);
    assert!(message.contains("half: not empty"), "{message}");
}

#[test]
fn an_adapter_is_merged() {
    let place = Place::new();
    let adapter = "--set model.adapter.rank=4 --max-steps 4 --batch-size 8";
    place.train("lora", adapter).done();
    place
        .run("export --model {examples/mini_encoder} --adapter lora/model/adapter --output merged")
        .done();
    let test = "--test-file {datasets/customer_messages/sample/test.csv} --text-column message \
                --label-column topic --json";
    let merged = place
        .run(&format!("evaluate --model merged --max-length 32 {test}"))
        .done();
    assert_eq!(
        merged,
        place
            .run(&format!("evaluate --model lora/model {test}"))
            .done()
    );
}

#[test]
fn words_are_tagged() {
    let place = Place::new();
    let out = place
        .run(
            "train --train-file {datasets/town_notes/sample/train.conll} --validation-file \
             {datasets/town_notes/sample/validation.conll} --test-file \
             {datasets/town_notes/sample/test.conll} --max-steps 6 --max-length 64 --run-dir a",
        )
        .done();
    assert!(out.contains("entity f1"), "{out}");
    assert_eq!(
        place.json("a/config.json")["config"]["train"]["evaluation"]["metric_for_best_model"],
        "entity_f1"
    );
    let report = place.json("a/report.json");
    let test = "--test-file {datasets/town_notes/sample/test.conll} --json";
    let out = place
        .run(&format!("evaluate --model a/model {test}"))
        .done();
    let scores: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(scores["scores"]["accuracy"], report["test"]["accuracy"]);
    place.run("predict --model a/model Oslo").done();
    let out = place.run("compare a a --resamples 99").done();
    assert!(
        out.contains("entity f1") && out.contains("accuracy of words"),
        "{out}"
    );
}

#[test]
fn scores_have_errors() {
    let place = Place::new();
    let rows = |shift: usize| -> String {
        let rows = (0..20)
            .map(|row| format!("{} late,{}.5\n", "very ".repeat(row % 5), (row + shift) % 5));
        std::iter::once("text,label\n".to_string())
            .chain(rows)
            .collect()
    };
    place.write("train.csv", &rows(0));
    place.write("test.csv", &rows(0));
    let data = "--train-file train.csv --test-file test.csv --task regression --max-length 16";
    place
        .run(&format!("train {data} --max-steps 2 --run-dir a"))
        .done();
    place
        .run(&format!("train {data} --max-steps 1 --run-dir b"))
        .done();
    let out = place.run("compare a b --resamples 99").done();
    assert!(
        out.contains("mean absolute error") && out.contains("Wilcoxon"),
        "{out}"
    );
    let out = place
        .run("evaluate --model a/model --test-file test.csv")
        .done();
    assert!(
        out.starts_with("20 rows\n") && out.contains("pearson"),
        "{out}"
    );
}

#[test]
fn an_embedding_model_from_training_to_vectors() {
    let place = Place::new();
    let columns = "--anchor-column question --positive-column answer";
    let out = place
        .run(&format!(
            "train --train-file {{datasets/shop_questions/sample/train.csv}} --test-file \
             {{datasets/shop_questions/sample/test.csv}} {columns} --max-steps 2 --max-length 32 \
             --run-dir a"
        ))
        .done();
    assert!(
        out.contains("Embed:      finetune embed --model a/model 'A text'"),
        "{out}"
    );
    let test = "--test-file {datasets/shop_questions/sample/test.csv}";
    let out = place
        .run(&format!("evaluate --model a/model {test} {columns}"))
        .done();
    assert!(out.contains("ndcg@10"), "{out}");
    let out = place.run("embed --model a/model one two").done();
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["text"], &lines[1]["text"]),
        (&"one".into(), &"two".into())
    );
    let size = |line: &serde_json::Value| line["embedding"].as_array().unwrap().len();
    assert_eq!(size(&lines[0]), size(&lines[1]));
    let short = place
        .run("embed --model a/model --truncate-dim 8 one")
        .done();
    assert_eq!(size(&serde_json::from_str(&short).unwrap()), 8);
    let message = place.run("predict --model a/model one").failed(2);
    assert!(message.contains("an embedding model"), "{message}");
}

#[test]
fn a_calibration_is_saved_with_the_model() {
    let place = Place::new();
    place.train("a", "--max-steps 8 --batch-size 8").done();
    let rows =
        "{datasets/customer_messages/sample/test.csv} --text-column message --label-column topic";
    let out = place
        .run(&format!(
            "calibrate --model a/model --validation-file {rows} --coverage 0.8 --json"
        ))
        .done();
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["rows"], 40);
    assert!(report["after"]["log_loss"].as_f64() < report["before"]["log_loss"].as_f64());
    let out = place
        .run(&format!(
            "evaluate --model a/model --test-file {rows} --json"
        ))
        .done();
    let scores: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        scores["scores"]["prediction_set_coverage"],
        report["after"]["prediction_sets"]["coverage"]
    );
    let out = place.run("predict --model a/model --jsonl late").done();
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(answer["prediction_set"].is_array(), "{answer}");

    let message = place.run("calibrate --model a/model").failed(2);
    assert!(
        message.contains("--validation-file FILE or --dataset NAME"),
        "{message}"
    );
    let message = place
        .run(&format!(
            "calibrate --model bert-base-uncased --validation-file {rows}"
        ))
        .failed(2);
    assert!(
        message.contains("--model is to be a directory"),
        "{message}"
    );

    // As a setting of the run.
    place
        .train(
            "b",
            "--max-steps 8 --batch-size 8 --validation-split 0.25 --set calibration.coverage=0.9",
        )
        .done();
    let report = place.json("b/report.json");
    assert!(
        report["test"]["calibrated"]["temperature"].is_number(),
        "{report}"
    );
    let message = place
        .train("c", "--max-steps 1 --set calibration.coverage=0.9")
        .failed(1);
    assert!(
        message.contains("calibration is given without validation rows"),
        "{message}"
    );
}

#[test]
fn layers_in_8_bit_integers_are_chosen_on_held_out_rows() {
    let place = Place::new();
    place.train("a", "--max-steps 12 --batch-size 8").done();
    let rows =
        "{datasets/customer_messages/sample/test.csv} --text-column message --label-column topic";
    let quantize = format!("quantize --model a/model --validation-file {rows}");
    let out = place.run(&format!("{quantize} --max-loss 0 --json")).done();
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["rows"], &report["metric"]),
        (&40.into(), &"accuracy".into())
    );
    assert!(
        report["after"].as_f64() >= report["before"].as_f64(),
        "{report}"
    );
    assert!(report["change_of_outputs"].as_f64() > Some(0.0), "{report}");
    let saved = place.json("a/model/text_preprocessing.json");
    assert_eq!(saved["int8"]["keep"], report["keep"]);

    let scores = place.run(&format!(
        "evaluate --model a/model --test-file {rows} --json --precision int8"
    ));
    let scores: serde_json::Value = serde_json::from_str(&scores.done()).unwrap();
    assert_eq!(scores["scores"]["accuracy"], report["after"]);
    let answer = |precision: &str| {
        let command = format!("predict --model a/model --jsonl --precision {precision} late");
        place.run(&command).done()
    };
    assert_ne!(answer("int8"), answer("f32"));

    let message = place.run("quantize --model a/model").failed(2);
    assert!(
        message.contains("--validation-file FILE or --dataset NAME"),
        "{message}"
    );
    let message = place.run(&format!("{quantize} --max-loss=-1")).failed(1);
    assert!(
        message.contains("max_loss is -1, expected at least 0"),
        "{message}"
    );
    let message = place.run("train --save-dtype int8").failed(2);
    assert!(message.contains("expected f32, bf16 or f16"), "{message}");
}

#[test]
fn a_run_sees_8_bit_integers_in_training() {
    let place = Place::new();
    let training = "--max-steps 12 --batch-size 8 --learning-rate 1e-3";
    place.train("plain", training).done();
    place
        .train("aware", &format!("{training} --precision int8"))
        .done();
    let first_loss = |run: &str| {
        let metrics = std::fs::read_to_string(place.path(&format!("{run}/metrics.jsonl"))).unwrap();
        let first: serde_json::Value =
            serde_json::from_str(metrics.lines().next().unwrap()).unwrap();
        first["loss"].as_f64().unwrap()
    };
    let (plain, aware) = (first_loss("plain"), first_loss("aware"));
    assert!(
        plain != aware && (plain - aware).abs() < 0.02 * plain,
        "{plain} {aware}"
    );
}
