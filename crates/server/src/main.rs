//! The `tollgate` binary: command line, wiring, serve, drain.

mod serve;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("tollgate: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match serve::run(&serve::Options { workers: Some(1), config: std::env::args().nth(1).map(Into::into), listen: None }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tollgate: {error:#}");
            ExitCode::FAILURE
        }
    }
}
