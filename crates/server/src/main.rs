//! The `tollgate` binary: command line, wiring, serve, drain.

mod cli;
mod serve;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("tollgate: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    cli::main(|args| serve::run(&args).map(|()| ExitCode::SUCCESS))
}
