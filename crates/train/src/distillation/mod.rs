//! Distillation: a student model learns from the outputs of a teacher beside its labels
//! ([Hinton et al. 2015](https://arxiv.org/abs/1503.02531)).
//!
//! 1. [`DistillationConfig`] names the teacher's directory and weighs four losses: the labels, the
//!    teacher's logits, its hidden states ([TinyBERT](https://arxiv.org/abs/1909.10351)), and the
//!    relations of its attention ([MiniLMv2](https://arxiv.org/abs/2012.15828)).
//! 2. [`Run::distill`] adds it to a run, and makes a [`Distillation`] of it.
//! 3. [`DistillationTask`] is a [`Task`](crate::Task) around that of the student, which implements
//!    [`StudentTask`]; the model and everything that is saved stay those of the student's task.
//!
//! The teacher reads the tokens of the student, so all of them must be in its vocabulary. Its outputs
//! are computed once per text and cached, in f16, if the texts are the same in every epoch; those of
//! masked texts are computed in each step.
//!
//! ```no_run
//! use finetune_data::Dataset;
//! use finetune_train::{DistillationConfig, FineTuning};
//!
//! let dataset = Dataset::files("train.csv").test("test.csv").load()?;
//! // The student begins with three of the six layers of the teacher.
//! let teacher = "runs/teacher/model";
//! let run = FineTuning::new(teacher, dataset).keep_layers([0, 2, 4]);
//! let student = run.distill(DistillationConfig::new(teacher)).run("runs/student")?;
//! println!("{student}");
//! # Ok::<(), finetune_train::TrainError>(())
//! ```

mod config;
mod distiller;
mod embedding;
mod losses;
mod masked_lm;
mod projection;
mod relations;
mod run;
mod sequence_classification;
mod student_task;
mod targets;
mod task;
mod teacher_cache;
mod token_classification;
mod token_map;

pub use config::{DistillationConfig, HiddenStateLoss};
pub(crate) use distiller::Distiller;
pub use run::{Distillation, Distilled};
pub use student_task::{CachedRows, LogitsKind, ModelOutputs, RowEnds, StudentTask, Teacher};
pub use task::DistillationTask;
pub use token_map::TokenMap;
