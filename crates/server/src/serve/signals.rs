//! Signals that end the process.

use tokio::signal::unix::{SignalKind, signal};

/// Who asks for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGTERM: a supervisor, with a load balancer before it that has yet to notice.
    Terminate,
    /// SIGINT: a person at a terminal.
    Interrupt,
}

impl Ending {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// Whether new connections are taken for a while.
    #[must_use]
    pub fn is_orderly(self) -> bool {
        self == Self::Terminate
    }
}

/// Waits for the next signal.
pub async fn first() -> Ending {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received: the process ends only by force");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => Ending::Terminate,
        _ = interrupt.recv() => Ending::Interrupt,
    }
}
