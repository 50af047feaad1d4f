//! The real gateway as a child process, in a folder of its own.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use govern::key::{Env, Minted, RANDOM_BYTES};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{client::Client, metrics::Metrics};

/// How long a start may take. Generous: a test machine may be busy.
const START: Duration = Duration::from_secs(30);

/// What is to be started.
#[must_use]
pub struct Setup {
    binary: PathBuf,
    config: String,
    env: Vec<(String, String)>,
    arguments: Vec<String>,
    prefix: Vec<String>,
}

/// A running gateway. Dropping it kills the process and removes its folder; if the test fails, the log is shown.
pub struct Harness {
    setup: Setup,
    folder: TempDir,
    key: String,
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
}

impl Harness {
    /// Describes a gateway: `binary` is `env!("CARGO_BIN_EXE_tollgate")`, `config` YAML text.
    ///
    /// `listen`, `data_dir` and `keys` are added where the text does not set them: an address of the system's choice, the
    /// harness's folder, and one key that may do everything, which [`Harness::client`] sends.
    pub fn of(binary: impl Into<PathBuf>, config: &str) -> Setup {
        Setup {
            binary: binary.into(),
            config: config.to_owned(),
            env: Vec::new(),
            arguments: Vec::new(),
            prefix: Vec::new(),
        }
    }

    /// A gateway without further settings.
    pub async fn start(binary: impl Into<PathBuf>, config: &str) -> Self {
        Self::of(binary, config).start().await
    }

    /// A client that sends the test key as `Authorization: Bearer`.
    #[must_use]
    pub fn client(&self) -> Client {
        self.stranger().with("authorization", &format!("Bearer {}", self.key))
    }

    /// A client that sends the admin token.
    ///
    /// # Panics
    /// If the gateway has made none.
    #[must_use]
    pub fn admin(&self) -> Client {
        let token = fs::read_to_string(self.folder.path().join("data/admin_token")).expect("the gateway made a token");
        self.stranger().with("authorization", &format!("Bearer {}", token.trim()))
    }

    /// A client without a credential.
    #[must_use]
    pub fn stranger(&self) -> Client {
        Client::new(self.address)
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway's own folder: `config.yaml`, `data/`, `log`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The test key's text.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// From the start of the process until it said where it listens.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Standard output and standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.folder.path().join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// The last 200 records of requests, as `GET /api/v1/requests` shows them, once there are at least `count`.
    ///
    /// # Panics
    /// If there are fewer after ten seconds.
    pub async fn records(&self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let answer = self.admin().get("/api/v1/requests?limit=200").send().await;
            assert_eq!(answer.status, 200, "the records: {}", answer.text());
            let body = answer.json();
            let list = body.get("requests").and_then(Value::as_array);
            let list = list.unwrap_or_else(|| panic!("a list of records: {body}"));
            let records: Vec<Value> = list.iter().map(complete).collect();
            if records.len() >= count {
                return records;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{} records, not {count}: {body}", records.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> Metrics {
        let answer = self.client().get("/metrics").send().await;
        assert_eq!(answer.status, 200, "GET /metrics: {}", answer.text());
        Metrics::parse(&answer.text())
    }

    /// Replaces the configuration file in one step, as an editor does. The gateway notices on its own.
    pub fn write_config(&mut self, config: &str) {
        config.clone_into(&mut self.setup.config);
        write_config(self.folder.path(), config);
    }

    pub fn sigterm(&self) {
        self.signal(Signal::TERM);
    }

    pub fn sighup(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills the process without a warning and waits until it has gone.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the process to end.
    ///
    /// # Panics
    /// If it has not ended in time.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(begun.elapsed() < within, "still running after {within:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts the process again in the same folder; kills it first if it runs. The address may change.
    pub async fn restart(&mut self) {
        self.kill9();
        self.child = self.setup.spawn(self.folder.path(), &self.key);
        (self.address, self.ready_after) = wait_for_address(&mut self.child, self.folder.path()).await;
    }

    /// Starts the process again and kills it so much later, ready or not.
    pub async fn kill_while_starting(&mut self, after: Duration) {
        self.kill9();
        self.child = self.setup.spawn(self.folder.path(), &self.key);
        tokio::time::sleep(after).await;
        self.kill9();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the gateway runs");
    }
}

impl Setup {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an argument to `tollgate serve --config FILE`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs the binary by another program: `["taskset", "-c", "1"]`.
    pub fn under(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it ends, or does not listen in time; the log says why.
    pub async fn start(self) -> Harness {
        let folder = tempfile::Builder::new().prefix("tollgate-").tempdir().expect("a temporary folder");
        let key = mint();
        write_config(folder.path(), &self.config);
        let mut child = self.spawn(folder.path(), &key);
        let (address, ready_after) = wait_for_address(&mut child, folder.path()).await;
        Harness { setup: self, folder, key, child, address, ready_after }
    }

    fn spawn(&self, folder: &Path, key: &str) -> Child {
        let _ = fs::remove_file(folder.join("data/address"));
        let log = File::options().create(true).append(true).open(folder.join("log")).expect("the log can be written");
        let mut words = self.prefix.iter().map(String::as_str).map(PathBuf::from).chain([self.binary.clone()]);
        let mut command = Command::new(words.next().expect("a binary"));
        command.args(words).arg("serve").arg("--config").arg(folder.join("config.yaml")).args(&self.arguments);
        command.current_dir(folder).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        // Only what the test sets: a provider key of the developer's own shell must not reach a test.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TOLLGATE_TEST_KEY", key).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()))
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(8_000);
            let tail = String::from_utf8_lossy(log.as_bytes().get(from..).unwrap_or_default());
            eprintln!("--- the gateway's log ---\n{tail}\n--- end of the log ---");
        }
    }
}

/// A record with the fields that the gateway leaves out because they are empty, so that a test can look at any of them.
fn complete(record: &Value) -> Value {
    let usage = json!({
        "input": 0, "input_audio": 0, "cache_read": 0, "cache_write": 0, "cache_write_1h": 0,
        "output": 0, "reasoning": 0, "output_audio": 0, "source": "reported",
    });
    let mut whole = json!({
        "stream": false, "unpriced": false, "generation": 0, "attempts": [], "loss": [], "tags": {}, "usage": usage,
    });
    fill(&mut whole, record);
    for attempt in whole.get_mut("attempts").and_then(Value::as_array_mut).into_iter().flatten() {
        let mut filled = json!({ "usage": usage });
        fill(&mut filled, attempt);
        *attempt = filled;
    }
    whole
}

/// Lays the fields of `over` over those of `under`, object by object.
fn fill(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                fill(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// A gateway key that nobody else has.
///
/// # Panics
/// If the system has no random numbers.
#[must_use]
pub fn mint() -> String {
    let mut random = [0; RANDOM_BYTES];
    let got = rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty());
    assert_eq!(got, Ok(RANDOM_BYTES), "the system has random numbers");
    Minted::new(Env::Test, &random).text.expose().to_owned()
}

fn write_config(folder: &Path, config: &str) {
    let sets = |field: &str| config.lines().any(|line| line.starts_with(field));
    let mut text = String::new();
    if !sets("listen:") {
        text.push_str("listen: 127.0.0.1:0\n");
    }
    if !sets("data_dir:") {
        text.push_str(&format!("data_dir: {}\n", folder.join("data").display()));
    }
    if !sets("keys:") {
        text.push_str("keys:\n  - {name: test, secret: \"${TOLLGATE_TEST_KEY}\", models: [\"*\"]}\n");
    }
    text.push_str(config);
    fs::create_dir_all(folder.join("data")).expect("the data folder can be made");
    fs::write(folder.join("config.yaml.new"), text).expect("the configuration can be written");
    fs::rename(folder.join("config.yaml.new"), folder.join("config.yaml")).expect("the configuration can be replaced");
}

async fn wait_for_address(child: &mut Child, folder: &Path) -> (SocketAddr, Duration) {
    let begun = Instant::now();
    loop {
        if let Ok(text) = fs::read_to_string(folder.join("data/address"))
            && let Ok(address) = text.trim().parse()
        {
            return (address, begun.elapsed());
        }
        let log = || fs::read_to_string(folder.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            panic!("the gateway ended with {status}:\n{}", log());
        }
        if begun.elapsed() > START {
            let _ = child.kill();
            panic!("the gateway does not listen after {START:?}:\n{}", log());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
