//! What gatepass does, measured beside what it could not do without, in the same run. See README.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures are its only output")]

mod lint;
mod policies;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["lint"] => {
            for line in lint::run() {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("what is to be measured? There is: lint");
            ExitCode::from(2)
        }
    }
}
