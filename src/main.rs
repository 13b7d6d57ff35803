//! papertape: parse, call, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    papertape::cli::main(std::env::args_os())
}
