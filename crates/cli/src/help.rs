//! Two lengths of help: `--help` is a screen with the arguments that most people need, `--help-all` has
//! all of them.

use clap::{Arg, ArgAction, Command};

/// Identifiers of the arguments that `--help` shows, by command; it shows all arguments of commands that
/// are not listed.
const SHORT: [(&str, &str); 7] = [
    (
        "train",
        "task train validation test dataset data text_column text_pair_column label_column \
         label_separator model device config sets precision epochs batch_size learning_rate max_length \
         seed freeze validation_split run_dir resume print_config",
    ),
    (
        "evaluate",
        "model test dataset data split text_column text_pair_column label_column label_separator \
         anchor_column positive_column metrics json device precision",
    ),
    (
        "calibrate",
        "model validation dataset data split text_column text_pair_column label_column coverage json \
         device",
    ),
    (
        "quantize",
        "model validation dataset data split text_column text_pair_column label_column max_loss \
         keep_precision json device",
    ),
    (
        "predict",
        "model texts pairs jsonl best device precision max_length",
    ),
    (
        "encode",
        "dataset data split file text_column model max_length truncation cache",
    ),
    (
        "pretrain",
        "files dataset data text_column model device config sets precision max_steps batch_size \
         learning_rate max_length seed validation_split run_dir resume print_config",
    ),
];

/// Adds `--help` and `--help-all` to the program and its commands.
pub(crate) fn with_help(program: Command) -> Command {
    let names: Vec<String> = program
        .get_subcommands()
        .map(|command| command.get_name().to_string())
        .collect();
    let program = names.into_iter().fold(program, |program, name| {
        program.mut_subcommand(name, |command| with_help(shortened(command)))
    });
    let long = program.get_name() != crate::command::NAME && has_hidden(&program);
    let program = program.disable_help_flag(true).arg(
        Arg::new("help")
            .short('h')
            .long("help")
            .help(match long {
                true => "Print this help; --help-all has all arguments",
                false => "Print help",
            })
            .action(ArgAction::HelpShort),
    );
    match long {
        true => program.arg(
            Arg::new("help_all")
                .long("help-all")
                .help("Print help with all arguments")
                .action(ArgAction::HelpLong)
                .hide_short_help(true),
        ),
        false => program,
    }
}

/// Hides what the short help of a command leaves out.
fn shortened(command: Command) -> Command {
    let listed = SHORT.iter().find(|(name, _)| *name == command.get_name());
    let Some((_, shown)) = listed else {
        return command;
    };
    command.mut_args(|argument| {
        let mut ids = shown.split_whitespace();
        let hides = !ids.any(|id| argument.get_id() == id);
        argument.hide_short_help(hides)
    })
}

fn has_hidden(command: &Command) -> bool {
    command.get_arguments().any(Arg::is_hide_short_help_set)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::program;

    #[test]
    fn each_listed_argument_exists() {
        for (name, shown) in SHORT {
            let program = program();
            let command = program.find_subcommand(name).unwrap();
            for id in shown.split_whitespace() {
                let mut arguments = command.get_arguments();
                assert!(
                    arguments.any(|argument| argument.get_id() == id),
                    "{name}: {id}"
                );
            }
        }
    }

    #[test]
    fn short_help_fits_a_screen() {
        for command in program().get_subcommands_mut() {
            let help = command.render_help().to_string();
            let (name, lines) = (command.get_name(), help.lines().count());
            assert!(lines <= 40, "{name}: {lines} lines");
            for line in help.lines() {
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
        }
    }
}
