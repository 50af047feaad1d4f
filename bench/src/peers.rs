//! Other gateways, installed from their registries into a temporary folder and measured the same way.
//!
//! An installation that fails is reported and the others are measured all the same.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    Run, load,
    measure::{self, Course},
    memory,
    report::Report,
    scenario::{Form, Lane, Prompt, Scenario},
    subject::{self, Ask, Subject, ask_gateway},
    upstream::Upstream,
};

/// Importing a large Python program takes a while on one core.
const START: Duration = Duration::from_secs(120);

const WINDOW: Duration = Duration::from_secs(4);

pub async fn all(run: &Run, upstream: &Upstream) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let mut report = Report::of(run);
    // A hundredth of the bare proxy's speed wants longer windows, and a steady load that the peer itself carries.
    let course = Course { saturate: WINDOW, steady: WINDOW, pace: 2, ..Course::of(run) };
    let peers: [(&str, Start); 2] = [("litellm", litellm), ("portkey", portkey)];
    for (name, start) in peers {
        let measured = async {
            let begun = Instant::now();
            let peer = start(folder.path(), upstream.address)?;
            ready(&peer).await?;
            report.notes.push(format!("{name}: installed and ready after {:.0} s", begun.elapsed().as_secs_f64()));
            report.memory.push(memory::idle(&peer));
            let subjects = [Subject::direct(upstream.address), Subject::bare(upstream.address, run.flavour)?, peer];
            for form in [Form::Json, Form::Stream50] {
                let scenario = Scenario { lane: Lane::Relay, prompt: Prompt::K1, form };
                report.rows.push(measure::row(course, upstream, scenario, &subjects).await?);
            }
            report.memory.extend(subjects.iter().skip(2).map(memory::after_load));
            anyhow::Ok(())
        };
        if let Err(error) = measured.await {
            report.notes.push(format!("{name} was not measured: {error:#}"));
        }
    }
    Ok(report)
}

type Start = fn(&Path, SocketAddr) -> Result<Subject>;

/// <https://docs.litellm.ai/docs/proxy/configs>
fn litellm(folder: &Path, upstream: SocketAddr) -> Result<Subject> {
    let home = folder.join("litellm");
    finish(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    finish(Command::new(home.join("bin/pip")).args(["install", "-q", "litellm[proxy]"]))?;
    let mut config = "model_list:\n".to_owned();
    for form in [Form::Json, Form::Stream50].map(Form::as_str) {
        config.push_str(&format!(
            "  - {{model_name: relay-{form}, litellm_params: {{model: openai/gpt-4o-mini, \
             api_base: \"http://{upstream}/{form}/v1\", api_key: none}}}}\n"
        ));
    }
    let key = testkit::harness::mint();
    config.push_str(&format!("general_settings: {{master_key: sk-{key}}}\n"));
    fs::write(home.join("config.yaml"), config)?;
    let address = free_address()?;
    let child = pinned(folder, "litellm")?
        .arg(home.join("bin/litellm"))
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string(), "--num_workers", "1", "--config"])
        .arg(home.join("config.yaml"))
        .spawn()?;
    Ok(Subject::child("litellm", address, child, ask_gateway(&format!("sk-{key}"))))
}

/// <https://github.com/Portkey-AI/gateway>
fn portkey(folder: &Path, upstream: SocketAddr) -> Result<Subject> {
    let home = folder.join("portkey");
    fs::create_dir_all(&home)?;
    finish(
        Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "@portkey-ai/gateway"])
            .current_dir(&home),
    )?;
    let address = free_address()?;
    let child = pinned(folder, "portkey")?
        .arg("node")
        .arg(home.join("node_modules/@portkey-ai/gateway/build/start-server.js"))
        .args([&format!("--port={}", address.port()), "--headless"])
        .env("NODE_ENV", "production")
        .env("TRUSTED_CUSTOM_HOSTS", "localhost,127.0.0.1")
        .spawn()?;
    let ask = move |scenario: Scenario| Ask {
        path: "/v1/chat/completions".to_owned(),
        model: "gpt-4o-mini".to_owned(),
        headers: format!(
            "authorization: Bearer none\r\nx-portkey-provider: openai\r\n\
             x-portkey-custom-host: http://{upstream}/{}/v1\r\n",
            scenario.form.as_str()
        ),
    };
    Ok(Subject::child("portkey", address, child, ask))
}

/// A command on the subject's core that writes its log to a file.
fn pinned(folder: &Path, name: &str) -> Result<Command> {
    let log = fs::File::create(folder.join(format!("{name}.log")))?;
    let mut command = subject::pinned();
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// Runs an installer to its end, on both cores.
fn finish(command: &mut Command) -> Result<()> {
    let words = format!("{command:?}");
    let output = Command::new("taskset")
        .args(["-c", "0-1"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap_or(Path::new(".")))
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "{words} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

async fn ready(peer: &Subject) -> Result<()> {
    let shot = peer.shot(Scenario { lane: Lane::Relay, prompt: Prompt::K1, form: Form::Json });
    let begun = Instant::now();
    loop {
        match load::once(&shot).await {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > START => bail!("no answer after {START:?}: {error:#}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

fn free_address() -> Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().context("a free port")
}
