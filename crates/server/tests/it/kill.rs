//! A gateway that is killed: what it had promised to know, it knows.

use std::time::Duration;

use testkit::soak::KillSoak;

/// The short form; `make soak-kill` is the long one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_001_killed_at_25_random_instants_it_loses_and_doubles_nothing() {
    let gateway = env!("CARGO_BIN_EXE_tollgate").into();
    let report = KillSoak { gateway, kills: 25, callers: 16, seed: 20 }.run().await;
    println!("{report}");
    assert!(report.is_good(), "{report}");
    assert!(report.calls > 100 && report.recovered_by_hold > 0 && report.recovered_by_checkpoint > 0, "{report}");
    // A debug build on a busy machine; the promise is 2 s.
    assert!(report.slowest_start() < Duration::from_secs(10), "{report}");
}
