//! Command-line arguments and the output of runs, as the program `finetune` and the examples share them.
//!
//! 1. Arguments are structs for clap: [`CommonArguments`] and [`RunArguments`] change the settings of a
//!    run; [`FileArguments`], [`LabelArguments`], [`TagArguments`], [`EmbeddingColumnArguments`] and
//!    [`TableArguments`] say what the data are.
//! 2. Settings are built in one order ([`RunSettings`]): the recipe of a program, the file of `--config`,
//!    the arguments, then `--set PATH=VALUE`.
//! 3. A value of `--model` or `--data` becomes a directory in [`model_directory`] and
//!    [`data_directory`].
//! 4. [`announce`], [`run_training`] and [`finish`] run and report; [`exit_code`] ends the program.
//! 5. [`PredictArguments`], [`EncodeArguments`] and [`StudyFileArguments`] are whole commands.

mod checkpoint;
mod common_arguments;
mod directories;
mod download_bar;
mod embedding_arguments;
mod encode_arguments;
mod encoding_bar;
mod error;
mod file_arguments;
mod label_arguments;
mod output;
mod predict_arguments;
mod run;
mod run_arguments;
mod run_settings;
mod setting;
mod study_arguments;
mod study_file;
mod study_program;
mod table_arguments;
mod tag_arguments;
mod text_lines;
mod watcher;

pub use checkpoint::{Checkpoint, MINI_ENCODER};
pub use common_arguments::CommonArguments;
pub use directories::{data_directory, model_directory, named_directory};
pub use download_bar::show_downloads;
pub use embedding_arguments::{EmbeddingArguments, EmbeddingColumnArguments};
pub use encode_arguments::{EncodeArguments, EncodeDefaults};
pub use encoding_bar::EncodingBar;
pub use error::ArgumentsError;
pub use file_arguments::FileArguments;
pub use label_arguments::{LabelArguments, LabelType};
pub use output::{exit_code, metrics_text, say};
pub use predict_arguments::PredictArguments;
pub use run::{Commands, announce, announce_rows, fine_tune, fine_tune_from, finish, run_training};
pub use run_arguments::RunArguments;
pub use run_settings::RunSettings;
pub use setting::{Setting, read_settings};
pub use study_arguments::{StudyCommand, StudyDirectoryArguments};
pub use study_file::{STUDY_SEED, StudyFileArguments};
pub use study_program::run_study;
pub use table_arguments::{ColumnList, TableArguments, score_range, thresholds};
pub use tag_arguments::TagArguments;
pub use text_lines::{ReadLines, TextLines, answer_standard_input};
pub use watcher::Watcher;

/// Allocator that retains freed memory: training reallocates the same large buffers in every step.
#[global_allocator]
static ALLOCATOR: finetune::ops::RetainingAllocator = finetune::ops::RetainingAllocator;
