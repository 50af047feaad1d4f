//! A throwaway PostgreSQL: a real server in a folder of its own, on a free port of this machine, which ends with the test.
//!
//! The binaries are those of the system (Debian's package `postgresql`). Where there are none, tests that need them call
//! [`Postgres::shared`] or [`Postgres::alone`], get `None` and return: that is said loudly, and `.ci/run` installs them.

use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longest wait for the server to start or end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one superuser; who comes from this machine needs no password.
const USER: &str = "tollgate";

/// A running server.
pub struct Postgres {
    programs: PathBuf,
    /// Whom the server runs as, if not as us: it refuses to be root.
    runs_as: Option<(u32, u32)>,
    folder: TempDir,
    port: u16,
    process: Mutex<Option<u32>>,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that the tests of this process share. Each makes a [`Postgres::database`] of its own.
    ///
    /// # Panics
    /// If the binaries are there and the server does not start.
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Self::alone()?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    /// A server of the test's own, which it may stop, freeze and start again.
    ///
    /// # Panics
    /// If the binaries are there and the server does not start.
    #[must_use]
    pub fn alone() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!(
                "\nSKIPPED: PostgreSQL is not installed (Debian: apt-get install postgresql), so this test shows nothing\n"
            );
            return None;
        };
        let folder = tempfile::Builder::new().prefix("tollgate-postgres-").tempdir().expect("a temporary folder");
        let runs_as = rustix::process::geteuid().is_root().then(unprivileged);
        if let Some((user, group)) = runs_as {
            chown(folder.path(), Some(user), Some(group)).expect("a folder for the server");
        }
        let port = free_port();
        let server =
            Self { programs, runs_as, folder, port, process: Mutex::default(), databases: AtomicU32::default() };
        let data = server.folder.path().join("data");
        server.run(
            "initdb",
            &["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username", USER, "-D", text(&data)],
        );
        server.start();
        Some(server)
    }

    /// Makes an empty database and gives its address.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.ask("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The address of a database by its name.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Has `psql` do something, and gives what it answers.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn ask(&self, database: &str, statement: &str) -> String {
        self.run("psql", &["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", statement])
    }

    /// Starts a server that was stopped.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(&self) {
        let data = self.folder.path().join("data");
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).expect("a log");
        let mut command = self.command("postgres");
        command.args(["-D", text(&data), "-p", &self.port.to_string(), "-k", "", "-h", "127.0.0.1"]);
        // Nothing of this must outlast the machine's power; a hundred connections are few for many replicas.
        for setting in ["fsync=off", "full_page_writes=off", "max_connections=300", "shared_buffers=64MB"] {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        // The system ends the server when the thread that started it has gone (`pdeathsig`), so a thread stays with it.
        let (told, hear) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut child = command.spawn().expect("the server starts");
            let _ = told.send(child.id());
            let _ = child.wait();
        });
        *self.process.lock().unwrap() = Some(hear.recv_timeout(PATIENCE).expect("the server's process"));
        let begun = Instant::now();
        while !self.is_up() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not start: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a machine that loses its power: every process of it.
    pub fn kill(&self) {
        let Some(process) = self.process.lock().unwrap().take() else { return };
        for pid in family(process) {
            signal(pid, Signal::KILL);
        }
        let begun = Instant::now();
        while Path::new(&format!("/proc/{process}")).exists() && begun.elapsed() < PATIENCE {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Stops it in the middle of whatever it does: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// What the server wrote.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn is_up(&self) -> bool {
        let mut command = self.command("pg_isready");
        command.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command.status().is_ok_and(|status| status.success())
    }

    fn signal_all(&self, which: Signal) {
        let Some(process) = *self.process.lock().unwrap() else { return };
        for pid in family(process) {
            signal(pid, which);
        }
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let done = self.command(program).args(arguments).output().expect("the program starts");
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{program} {arguments:?}: {err}");
        out.trim().to_owned()
    }

    /// A program of PostgreSQL, as a user that it accepts, ended with us.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some((user, group)) = self.runs_as {
            command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
        }
        command.arg(self.programs.join(program)).current_dir("/").env("LC_ALL", "C");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- PostgreSQL ---\n{}", self.log());
        }
    }
}

/// Where the binaries are: the newest that Debian has installed, else wherever `initdb` is found.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin")).collect::<BTreeSet<_>>();
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian.into_iter().rev().chain(std::env::split_paths(&path)).find(|folder| folder.join("initdb").exists())
}

/// A user for the server, and its group: PostgreSQL's own, else nobody.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).unwrap_or((65_534, 65_534))
}

/// A process and those that it started: each connection has one.
fn family(process: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(1)?.parse().ok());
        parent == Some(process)
    });
    // The parent first: it can then start no further ones.
    std::iter::once(process).chain(children).collect()
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
