//! Arguments, files, terminal and exit codes. Together with nothing else this folder touches the world.
//!
//! Exit codes: 0 clean, 1 findings or drift, 2 usage or unreadable input, 3 nothing to look at.

/// Writes a line to standard error, for people. Nobody is left to be told where that fails: no panic.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr().lock(), $($words)*);
    }};
}

mod arguments;
mod build;
mod changed;
mod config;
mod disk;
mod drift;
mod explain;
mod fix;
mod init;
mod input;
mod inspect;
mod promql;
mod sift;
mod terminal;
mod walk;

pub use arguments::Arguments;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::Command;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Clean,
    Findings,
    Unusable,
    Nothing,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> ExitCode {
        ExitCode::from(match ending {
            Ending::Clean => 0,
            Ending::Findings => 1,
            Ending::Unusable => 2,
            Ending::Nothing => 3,
        })
    }
}

pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let ending = match arguments.command {
        Command::Build(build) => build::run(&build),
        Command::Lint(arguments) => inspect::lint(&arguments),
        Command::Check(arguments) => inspect::check(&arguments),
        Command::ExplainScaler { files } => explain::scalers(&files),
        Command::Config { config, schema } => config::run(config.as_deref(), schema),
        Command::Promql(arguments) => promql::run(&arguments),
        Command::Explain { rule } => explain::explain(&rule),
        Command::Rules { format } => explain::list(format),
        Command::Schema => print(&crate::policy::schema::text()),
        Command::Init { file } => init::run(&file),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "slogen", &mut text);
            print(&String::from_utf8_lossy(&text))
        }
    };
    match ending {
        Ok(ending) => ending.into(),
        Err(error) => {
            say!("{}: {error:#}", terminal::error_word());
            Ending::Unusable.into()
        }
    }
}

/// Writes to standard error, for people, what stands beside the output for programs.
fn tell_people(text: &str) -> anyhow::Result<Ending> {
    // As above.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    Ok(Ending::Clean)
}

/// Writes to standard output; a reader that has seen enough is no error.
fn print(text: &str) -> anyhow::Result<Ending> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Ending::Clean),
    }
}
