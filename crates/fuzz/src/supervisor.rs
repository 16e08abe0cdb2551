//! The parent process: starts a child per reader, notices panics, aborts and hangs, and starts
//! another child after the input that failed.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::input::Seeds;
use crate::reader::Reader;
use crate::worker::{BEGINS, PANICKED, READ, REFUSED};

/// Maximum time for an input, in seconds of a processor: a busy machine is no hang.
const MOST_SECONDS: f64 = 5.0;
/// Maximum time for an input, whatever the processor does.
const MOST_WAIT: Duration = Duration::from_secs(60);
/// Maximum number of failures of a reader; after them, the rest is not run.
const MOST_FAILURES: usize = 20;

/// Run of one reader.
#[derive(Debug)]
pub(crate) struct Supervisor<'a> {
    pub(crate) reader: &'static Reader,
    pub(crate) seed: u64,
    pub(crate) numbers: Range<u64>,
    /// Directory for inputs that failed.
    pub(crate) keep: Option<&'a Path>,
    /// Memory of the child in MiB.
    pub(crate) memory: u64,
}

/// How the inputs of a reader ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) read: u64,
    pub(crate) refused: u64,
    pub(crate) failures: Vec<Failure>,
    pub(crate) seconds: f64,
}

/// Input with a panic, an abort or a hang.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) number: u64,
    pub(crate) problem: String,
    /// File with the input.
    pub(crate) kept: Option<PathBuf>,
}

impl Supervisor<'_> {
    /// Runs all inputs.
    ///
    /// # Errors
    /// If the seeds cannot be written or the child cannot be started.
    pub(crate) fn run(&self) -> Result<Outcome, Box<dyn Error>> {
        let start = Instant::now();
        let directory = tempfile::tempdir()?;
        (self.reader.seeds)(directory.path())?;
        let seeds = Seeds::read(self.reader, directory.path())?;
        let mut outcome = Outcome::default();
        let mut next = self.numbers.start;
        while next < self.numbers.end && outcome.failures.len() < MOST_FAILURES {
            let mut child = self.start(directory.path(), next)?;
            let ended = self.follow(&mut child, &seeds, &mut outcome);
            // It may have ended by itself.
            let _ = child.kill();
            let status = child.wait()?;
            next = match ended? {
                Some(number) => number + 1,
                None if status.success() => self.numbers.end,
                None => return Err(format!("{}: {status}", self.reader.name).into()),
            };
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        Ok(outcome)
    }

    /// Starts a child, with limited memory if there is a shell that can limit it.
    fn start(&self, seeds: &Path, first: u64) -> io::Result<Child> {
        let program = std::env::current_exe()?;
        let mut command = match cfg!(unix) {
            true => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "ulimit -v \"$0\"; exec \"$@\""]);
                shell.arg((self.memory << 10).to_string()).arg(program);
                shell
            }
            false => Command::new(program),
        };
        command.args(["--reader", self.reader.name]);
        command.arg("--worker").arg(seeds);
        for (name, value) in [
            ("--seed", self.seed),
            ("--first", first),
            ("--inputs", self.numbers.end),
        ] {
            command.arg(name).arg(value.to_string());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
    }

    /// Counts what a child says, until it ends; returns the number of the input that it did not
    /// survive, if any.
    fn follow(
        &self,
        child: &mut Child,
        seeds: &Seeds,
        outcome: &mut Outcome,
    ) -> io::Result<Option<u64>> {
        let lines = lines_of(child);
        let (mut current, mut since) = (None, (Instant::now(), processor_seconds(child.id())));
        loop {
            let line = match lines.recv_timeout(Duration::from_secs(1)) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    let (began, before) = since;
                    let used = processor_seconds(child.id()).zip(before);
                    let used = used.map(|(now, before)| now - before);
                    let hangs = used.is_some_and(|used| used > MOST_SECONDS);
                    if let Some(number) = current.filter(|_| hangs || began.elapsed() > MOST_WAIT) {
                        let seconds = began.elapsed().as_secs_f64();
                        let problem = format!("still reading after {seconds:.0} s");
                        outcome.failures.push(self.failure(number, problem, seeds)?);
                        return Ok(Some(number));
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(number) = line.strip_prefix(BEGINS) {
                current = number.parse().ok();
                since = (Instant::now(), processor_seconds(child.id()));
                continue;
            }
            match (&line[..], current.take()) {
                (READ, _) => outcome.read += 1,
                (REFUSED, _) => outcome.refused += 1,
                (other, Some(number)) => {
                    let problem = other.strip_prefix(PANICKED);
                    let problem = format!("panic: {}", problem.unwrap_or(other));
                    outcome.failures.push(self.failure(number, problem, seeds)?);
                    if outcome.failures.len() >= MOST_FAILURES {
                        return Ok(Some(number));
                    }
                }
                (_, None) => {}
            }
        }
        if let Some(number) = current {
            let problem = "the process ended".to_string();
            outcome.failures.push(self.failure(number, problem, seeds)?);
        }
        Ok(current)
    }

    /// Describes a failure, and keeps its input.
    fn failure(&self, number: u64, problem: String, seeds: &Seeds) -> io::Result<Failure> {
        let kept = match self.keep {
            Some(keep) => {
                let input = seeds.input(self.seed, number);
                let name = input.file.file_name().unwrap_or_default().to_string_lossy();
                fs::create_dir_all(keep)?;
                let path = keep.join(format!("{}-{number}-{name}", self.reader.name));
                fs::write(&path, input.bytes)?;
                Some(path)
            }
            None => None,
        };
        Ok(Failure {
            number,
            problem,
            kept,
        })
    }
}

/// Returns the lines of a child's standard output as they come.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (send, lines) = channel();
    let output = child.stdout.take();
    thread::spawn(move || {
        let lines = output
            .into_iter()
            .flat_map(|output| BufReader::new(output).lines());
        for line in lines.map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Returns the processor time of a process in seconds, where the system tells it.
fn processor_seconds(process: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may contain spaces.
    let (_, fields) = text.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: Option<Vec<f64>> = ticks.map(|ticks| ticks.parse().ok()).collect();
    // A tick is 1/100 s on every Linux.
    Some(ticks?.iter().sum::<f64>() / 100.0)
}
