//! What is measured: a process with the second core to itself.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use testkit::{Harness, process};

use crate::{
    Flavour,
    load::Shot,
    scenario::{Form, Lane, Scenario},
};

/// The core of the load generator and the upstream.
pub const LOAD_CORE: usize = 0;
/// Runs what is measured on the second core, and ends it with the bench however that ends.
const PINNED: [&str; 6] = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", "1"];

/// Something that requests can be sent to.
pub struct Subject {
    pub name: &'static str,
    pub address: SocketAddr,
    /// `None` for the upstream itself, which shares the load generator's process.
    pub pid: Option<u32>,
    pub start_to_ready: Option<Duration>,
    ask: Box<dyn Fn(Scenario) -> Ask>,
    _running: Running,
}

/// How a subject wants to be asked for a scenario.
pub struct Ask {
    pub path: String,
    pub model: String,
    /// Header lines, each with its end.
    pub headers: String,
}

/// Keeps a subject alive; dropping it ends the process.
enum Running {
    Here,
    Child { _child: KillOnDrop },
    Harness { _harness: Box<Harness> },
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Subject {
    /// The upstream itself: what the load generator can do at most.
    pub fn direct(upstream: SocketAddr) -> Self {
        Self {
            name: "direct",
            address: upstream,
            pid: None,
            start_to_ready: None,
            ask: Box::new(ask_upstream),
            _running: Running::Here,
        }
    }

    /// The bare proxy of this crate.
    pub fn bare(upstream: SocketAddr, flavour: Flavour) -> Result<Self> {
        let flavour = match flavour {
            Flavour::CurrentThread => "current-thread",
            Flavour::MultiThread => "multi-thread",
        };
        let mut child = pinned()
            .arg(std::env::current_exe()?)
            .args(["bare", "--upstream", &upstream.to_string(), "--flavour", flavour])
            .stdout(Stdio::piped())
            .spawn()
            .context("taskset and setpriv (package util-linux) pin a process to a core")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the bare proxy said {line:?}"))?;
        Ok(Self::child("bare", address, child, ask_upstream))
    }

    /// Tollgate with authentication, records, prices and metrics.
    pub async fn tollgate(binary: &Path, upstream: SocketAddr, flavour: Flavour) -> Result<Self> {
        let mut setup = Harness::of(binary, &config(upstream)).env("PROVIDER_KEY", &testkit::harness::mint());
        setup = setup.under(&PINNED);
        if flavour == Flavour::CurrentThread {
            setup = setup.argument("--workers").argument("1");
        }
        let harness = setup.start().await;
        let ask = ask_gateway(harness.key());
        Ok(Self {
            name: "tollgate",
            address: harness.address(),
            pid: Some(harness.pid()),
            start_to_ready: Some(harness.ready_after()),
            ask: Box::new(ask),
            _running: Running::Harness { _harness: Box::new(harness) },
        })
    }

    /// A process that listens already.
    pub fn child(
        name: &'static str,
        address: SocketAddr,
        child: Child,
        ask: impl Fn(Scenario) -> Ask + 'static,
    ) -> Self {
        let (pid, _running) = (Some(child.id()), Running::Child { _child: KillOnDrop(child) });
        Self { name, address, pid, start_to_ready: None, ask: Box::new(ask), _running }
    }

    /// The request of a scenario as this subject wants it.
    pub fn shot(&self, scenario: Scenario) -> Shot {
        let ask = (self.ask)(scenario);
        scenario.shot(self.address, &ask.path, &ask.model, &ask.headers)
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Duration {
        self.pid.and_then(process::cpu).unwrap_or_default()
    }

    pub fn rss_kib(&self) -> u64 {
        self.pid.and_then(process::rss_kib).unwrap_or(0)
    }
}

/// A command whose arguments are what is measured.
pub fn pinned() -> Command {
    let [program, arguments @ ..] = PINNED;
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// At the upstream's own path. The credential is there so that all subjects get the same headers.
fn ask_upstream(scenario: Scenario) -> Ask {
    Ask {
        path: format!("/{}/v1/chat/completions", scenario.form.as_str()),
        model: "gpt-4o-mini".to_owned(),
        headers: "authorization: Bearer none\r\n".to_owned(),
    }
}

/// A model named after lane and form (`relay-s50`), with a key.
pub fn ask_gateway(key: &str) -> impl Fn(Scenario) -> Ask + 'static {
    let headers = format!("authorization: Bearer {key}\r\n");
    move |scenario| Ask {
        path: "/v1/chat/completions".to_owned(),
        model: format!("{}-{}", scenario.lane.as_str(), scenario.form.as_str()),
        headers: headers.clone(),
    }
}

/// Makes the build that is shipped and returns its path.
pub fn build_tollgate() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--profile", "dist", "-p", "server", "--bin", "tollgate"])
        .status()?;
    ensure!(status.success(), "tollgate does not build");
    Ok(std::env::current_exe()?.with_file_name("tollgate"))
}

/// One account for each form of answer and dialect, one model for each lane and form, real prices.
fn config(upstream: SocketAddr) -> String {
    use std::fmt::Write as _;
    let (mut providers, mut models) = ("providers:\n".to_owned(), "models:\n".to_owned());
    for form in [Form::Json, Form::Stream50, Form::Stream200, Form::Hold].map(Form::as_str) {
        for (lane, kind, model) in
            [(Lane::Relay, "openai", "gpt-4o-mini"), (Lane::Translate, "anthropic", "claude-sonnet-4-5")]
        {
            let version = if lane == Lane::Relay { "/v1" } else { "" };
            let (lane, url) = (lane.as_str(), format!("http://{upstream}/{form}{version}"));
            let _ = writeln!(
                providers,
                "  {lane}-{form}: {{kind: {kind}, api_key: \"${{PROVIDER_KEY}}\", base_url: \"{url}\"}}"
            );
            let _ = writeln!(models, "  {lane}-{form}: {{targets: [{lane}-{form}/{model}]}}");
        }
    }
    providers + &models
}
