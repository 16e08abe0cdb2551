//! Help, completions, mistakes and exit codes.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Ended, Place};

#[test]
fn help_is_a_screen_and_all_of_it_is_more() {
    let place = Place::new();
    let top = place.run("--help").done();
    for command in ["train", "evaluate", "predict", "compare", "completions"] {
        assert!(top.contains(&format!("\n  {command}")), "{top}");
    }
    assert!(
        top.contains("Exit codes: 0 done, 1 failed, 2 wrong usage"),
        "{top}"
    );
    let short = place.run("train -h").done();
    assert_eq!(short, place.run("train --help").done());
    let all = place.run("train --help-all").done();
    assert!(!short.contains("--matryoshka-dims") && all.contains("--matryoshka-dims"));
    for text in ["--learning-rate", "--set", "--help-all"] {
        assert!(short.contains(text), "{short}");
    }
}

#[test]
fn completions_name_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&format!("completions {shell}")).done();
        assert!(
            script.contains("finetune") && script.contains("pretrain"),
            "{script}"
        );
    }
    place.run("completions cmd").failed(2);
}

#[test]
fn a_typo_in_a_setting_is_wrong_usage_with_the_nearest() {
    let place = Place::new();
    let message = place
        .run("train --print-config --set train.optimizer.learning_rat=3e-5")
        .failed(2);
    let expected = "error: --set: there is no setting train.optimizer.learning_rat; the nearest are \
                    train.optimizer.learning_rate, ";
    assert!(message.starts_with(expected), "{message}");
    assert!(message.contains("; train.optimizer has "), "{message}");
    let message = place
        .run("train --print-config --set train.seed=often")
        .failed(2);
    let expected = "error: --set: train.seed: invalid type: string \"often\", expected u64\n";
    assert_eq!(message, expected);
    place.run("train --print-config --set train.seed").failed(2);
}

#[test]
fn an_unknown_key_in_a_file_is_wrong_usage() {
    let place = Place::new();
    place.write("typo.toml", "[train]\nepochs = 2\n");
    let message = place
        .run("train --print-config --config typo.toml")
        .failed(2);
    let expected = "error: typo.toml: there is no setting train.epochs; ";
    assert!(message.starts_with(expected), "{message}");
    place.write("broken.toml", "[train\n");
    let message = place
        .run("train --print-config --config broken.toml")
        .failed(2);
    assert!(
        message.contains("broken.toml") && message.contains("line 1"),
        "{message}"
    );
    place
        .run("train --print-config --config none.json")
        .failed(1);
}

#[test]
fn settings_are_defaults_then_file_then_arguments_then_set() {
    let place = Place::new();
    let print = |arguments: &str| -> Value {
        let text = place
            .run(&format!("train --print-config {arguments}"))
            .done();
        serde_json::from_str(&text).unwrap()
    };
    place.write(
        "a.toml",
        "[train]\nseed = 1\nduration.epochs = 7\nbatch_size.rows = 4\n",
    );
    let settings = print("--config a.toml --seed 2 --batch-size 5 --set train.seed=3");
    let train = &settings["train"];
    assert_eq!(train["duration"]["epochs"], 7);
    assert_eq!(train["batch_size"]["rows"], 5);
    assert_eq!(train["seed"], 3);
    // What it prints, it reads.
    place.write("printed.json", &settings.to_string());
    assert_eq!(print("--config printed.json"), settings);
    let scores = print("--task regression");
    assert_eq!(scores["loss"]["kind"], "mse");
    let tokens = print("--task tokens --crf");
    assert_eq!(tokens["crf"], true);
    let embeddings = print("--anchor-column question --loss cosent");
    assert_eq!(embeddings["loss"]["kind"], "cosent");
}

#[test]
fn a_run_needs_data_that_exist() {
    let place = Place::new();
    let message = place.run("train").failed(2);
    assert!(
        message.contains("--train-file FILE or --dataset NAME"),
        "{message}"
    );
    let data = place.write("a.csv", "text,label\nso bad,0\nah,1\n");
    let data = data.display();
    let message = place
        .run(&format!("train --train-file {data} --label-column topic"))
        .failed(1);
    assert!(
        message.contains("topic") && message.contains("label"),
        "{message}"
    );
    let message = place
        .run(&format!("train --train-file {data} --model ./nowhere"))
        .failed(1);
    assert!(message.contains("nowhere: no model"), "{message}");
    let message = place
        .run(&format!("train --train-file {data} --batch-size 0"))
        .failed(1);
    assert!(message.contains("batch_size is 0"), "{message}");
    assert!(!place.path("runs").exists());
    place
        .run(&format!(
            "train --train-file {data} --dataset imdb --data x"
        ))
        .failed(2);
    let message = place.run("predict text").failed(2);
    assert!(message.contains("--model DIR is missing"), "{message}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let texts = "The parcel is late\n".repeat(3000);
    let input = place.write("texts.txt", &texts);
    let mut command = place.command("predict --model {examples/message_topics} --batch-size 256");
    command.stdin(std::fs::File::open(input).unwrap());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut output = process.stdout.take().unwrap();
    output.read_exact(&mut [0; 8]).unwrap();
    drop(output);
    let ended = Ended::of(process.wait_with_output().unwrap());
    assert_eq!((ended.code, &ended.error[..]), (Some(0), ""));
}
