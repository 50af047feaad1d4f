//! A scripted, recording provider on `127.0.0.1`.
//!
//! It speaks HTTP/1.1 by writing bytes itself, because no HTTP library lets a test send a wrong length, half a chunk or
//! a reset. It runs on a thread of its own, so that a busy or blocking test does not change its timing.

mod answer;
mod connection;
mod frames;
mod seen;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::JoinSet};

pub use answer::{Answer, End};
pub use frames::Frame;
pub use seen::{Seen, Truth};

use seen::Book;

/// The running upstream. Dropping it closes every connection.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What to answer.
pub enum Script {
    /// One answer after the other; the last one repeats.
    InTurn(VecDeque<Answer>),
    /// The answer depends on the request.
    By(Choose),
}

/// Chooses the answer to a request.
pub type Choose = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

struct Shared {
    script: Mutex<Script>,
    book: Mutex<Book>,
}

impl Upstream {
    /// Gives the same answer to every request.
    #[must_use]
    pub fn answering(answer: Answer) -> Self {
        Self::in_turn([answer])
    }

    /// Gives one answer after the other and repeats the last.
    #[must_use]
    pub fn in_turn(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start(Script::InTurn(answers.into_iter().collect()), (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Answers by the request.
    #[must_use]
    pub fn by(choose: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(Script::By(Arc::new(choose)), (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Starts at a given address.
    ///
    /// # Panics
    /// If the address is taken.
    #[must_use]
    pub fn start(script: Script, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("the upstream's address is free");
        listener.set_nonblocking(true).expect("a listener can be made non-blocking");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared { script: Mutex::new(script), book: Mutex::new(Book::default()) });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("upstream".to_owned())
            .spawn({
                let shared = shared.clone();
                move || run(listener, shared, stopped)
            })
            .expect("a thread can be started");
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Replaces the script; requests that are being answered keep their answer.
    pub fn rescript(&self, script: Script) {
        *self.shared.script.lock().unwrap() = script;
    }

    /// Answers everything from now on with `answer`.
    pub fn now_answering(&self, answer: Answer) {
        self.rescript(Script::InTurn([answer].into()));
    }

    /// `http://127.0.0.1:PORT`, without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, in the order in which their heads arrived.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.book.lock().unwrap().requests().to_vec()
    }

    /// The last request.
    ///
    /// # Panics
    /// If there was none.
    #[must_use]
    pub fn last(&self) -> Seen {
        self.requests().pop().expect("the upstream was asked at least once")
    }

    /// What really happened, to compare a gateway's records with.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.shared.book.lock().unwrap().truth()
    }

    /// Keeps only the last `most` requests; for long runs.
    pub fn keep(&self, most: usize) {
        self.shared.book.lock().unwrap().keep(most);
    }

    /// Waits until `met` holds for the recorded requests, and returns them.
    ///
    /// # Panics
    /// After five seconds.
    pub async fn until(&self, what: &str, met: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let begun = Instant::now();
        loop {
            let requests = self.requests();
            if met(&requests) {
                return requests;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "the upstream never saw {what}: {requests:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address at which nobody listens.
#[must_use]
pub fn refusing() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address")
}

impl Shared {
    fn answer(&self, seen: &Seen) -> Answer {
        let choose = match &mut *self.script.lock().unwrap() {
            Script::By(choose) => choose.clone(),
            Script::InTurn(answers) if answers.len() > 1 => return answers.pop_front().unwrap(),
            Script::InTurn(answers) => return answers.front().cloned().unwrap_or_else(|| Answer::new(404)),
        };
        choose(seen)
    }
}

fn run(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let mut connections = JoinSet::new();
        let mut count = 0;
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                Some(_) = connections.join_next() => {}
                Ok((socket, _)) = listener.accept() => {
                    count += 1;
                    connections.spawn(connection::serve(socket, count, shared.clone()));
                }
            }
        }
    });
}

#[cfg(test)]
mod tests;
