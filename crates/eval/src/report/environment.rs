//! Environment of a run: machine, program and command.

use std::env;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::block::KeyValues;

/// Machine, program and command of this process, for reproducing a result or explaining a
/// difference.
///
/// ```
/// use finetune_eval::report::Environment;
///
/// let environment = Environment::capture();
/// assert!(environment.cores > 0);
/// println!("{}", environment.command);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Environment {
    /// Operating system and kernel with their versions.
    pub system: String,
    /// Processor model; empty if unknown.
    pub processor: String,
    /// Number of logical cores available to this process, at least 1.
    pub cores: usize,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// Version of this library.
    pub version: String,
    /// Compiler that built this library; `None` if unknown.
    pub compiler: Option<String>,
    /// Whether debug assertions were disabled, as in optimized builds.
    pub optimized: bool,
    /// Commit of the current directory, with `-dirty` if files differ from it; `None` outside a git
    /// work tree.
    pub commit: Option<String>,
    /// Program and its arguments, quoted for a POSIX shell. Arguments are stored as they are: pass
    /// secrets in environment variables instead.
    pub command: String,
}

impl Environment {
    /// Queries the system; unknown values are left empty.
    pub fn capture() -> Self {
        let system = System::new_with_specifics(
            RefreshKind::nothing()
                .with_cpu(CpuRefreshKind::nothing())
                .with_memory(MemoryRefreshKind::nothing().with_ram()),
        );
        let processor = system.cpus().first().map(|cpu| cpu.brand().trim());
        let arguments: Vec<String> = env::args_os()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect();
        Self {
            system: operating_system(),
            processor: processor.unwrap_or_default().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory_bytes: system.total_memory(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            compiler: option_env!("FINETUNE_RUSTC").map(str::to_owned),
            optimized: !cfg!(debug_assertions),
            commit: commit(),
            command: quoted(&arguments),
        }
    }

    /// Returns the environment as a block of a report.
    pub fn facts(&self) -> KeyValues {
        let gibibytes = self.memory_bytes as f64 / (1_u64 << 30) as f64;
        let mut facts = KeyValues::new().with("System", &self.system);
        if !self.processor.is_empty() {
            facts = facts.with("Processor", &self.processor);
        }
        facts = facts
            .with("Cores", self.cores)
            .with("Memory", format!("{gibibytes:.1} GiB"))
            .with("finetune", &self.version);
        if let Some(compiler) = &self.compiler {
            let build = if self.optimized { "release" } else { "debug" };
            facts = facts.with("Compiler", format!("{compiler}, {build} build"));
        }
        if let Some(commit) = &self.commit {
            facts = facts.with_code("Commit", commit);
        }
        facts.with_code("Command", &self.command)
    }
}

fn operating_system() -> String {
    let name = System::long_os_version().unwrap_or_else(|| env::consts::OS.to_owned());
    match System::kernel_version() {
        Some(kernel) => format!("{name}, kernel {kernel}"),
        None => name,
    }
}

/// Returns git's description of the current directory; `None` without git.
fn commit() -> Option<String> {
    let answer = Command::new("git")
        .args("describe --always --dirty --abbrev=40 --exclude=*".split(' '))
        .output()
        .ok()?;
    let commit = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
    (answer.status.success() && !commit.is_empty()).then_some(commit)
}

/// Quotes arguments for a shell.
fn quoted(arguments: &[String]) -> String {
    let words = arguments.iter().map(String::as_str);
    // Only NUL cannot be quoted, and no process argument contains it.
    shlex::try_join(words).unwrap_or_else(|_| arguments.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_known() {
        let environment = Environment::capture();
        assert!(environment.memory_bytes > 1 << 20);
        assert!(!environment.system.is_empty());
        assert!(!environment.command.is_empty());
        let compiler = environment.compiler.as_deref().unwrap_or_default();
        assert!(compiler.starts_with("rustc "), "{compiler}");
    }

    #[test]
    fn facts_leave_out_what_is_unknown() {
        let environment = Environment {
            processor: String::new(),
            commit: None,
            memory_bytes: 3 << 29,
            ..Environment::capture()
        };
        let facts = environment.facts().facts;
        let value = |name: &str| facts.iter().find(|fact| fact.name == name);
        assert!(value("Processor").is_none() && value("Commit").is_none());
        assert_eq!(value("Memory").unwrap().value, "1.5 GiB");
        assert!(value("Command").unwrap().code);
    }

    #[test]
    fn a_command_can_be_given_again() {
        let arguments = ["ag_news", "--data", "my data/it's", "", "$HOME"].map(str::to_owned);
        let command = quoted(&arguments);
        assert_eq!(shlex::split(&command).unwrap(), arguments);
    }
}
