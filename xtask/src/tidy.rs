//! `cargo xtask tidy`: the rules of the house that no compiler knows.
//!
//! - `llm` and `govern` are pure: no runtime, no HTTP, no database among all that they pull in.
//! - SQL is in `store` alone.
//! - A production file has at most 400 production lines: what stands under `#[cfg(test)]` is not counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde_json::Value;

use crate::generated::root;

/// Check the rules that no compiler knows
#[derive(Debug, Parser)]
pub struct Args {}

const MOST_LINES: usize = 400;
const PURE: &[&str] = &["llm", "govern"];
const IMPURE: &[&str] = &["tokio", "hyper", "sqlx", "mio", "reqwest", "socket2"];

pub fn run(_: &Args) -> Result<()> {
    let metadata = metadata()?;
    let mut wrong = impure(&metadata);
    wrong.extend(sql_outside_store(&metadata));
    let mut files = production_files()?;
    files.sort();
    wrong.extend(files.iter().filter(|(lines, _)| *lines > MOST_LINES).map(|(lines, path)| {
        format!("{} has {lines} production lines, more than {MOST_LINES}: split it", path.display())
    }));
    report(&files)?;
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn report(files: &[(usize, PathBuf)]) -> Result<()> {
    let at = |percent: usize| files.get((files.len() * percent / 100).min(files.len() - 1)).map(|(lines, _)| *lines);
    ensure!(!files.is_empty(), "there are no source files");
    let (most, largest) = files.last().context("there are no source files")?;
    println!(
        "{} production files; lines: median {}, 90th percentile {}, largest {most} ({})",
        files.len(),
        at(50).unwrap_or_default(),
        at(90).unwrap_or_default(),
        largest.display()
    );
    Ok(())
}

fn metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let output =
        Command::new(cargo).args(arguments).current_dir(root()).output().context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Everything impure that a pure crate pulls in, tests apart.
fn impure(metadata: &Value) -> Vec<String> {
    let names: BTreeMap<&str, &str> = list(metadata, "/packages")
        .filter_map(|package| Some((text(package, "id")?, text(package, "name")?)))
        .collect();
    let edges: BTreeMap<&str, Vec<&str>> = list(metadata, "/resolve/nodes")
        .filter_map(|node| {
            let normal = list(node, "/deps").filter(|dep| list(dep, "/dep_kinds").any(|kind| kind["kind"].is_null()));
            Some((text(node, "id")?, normal.filter_map(|dep| text(dep, "pkg")).collect()))
        })
        .collect();
    let members = list(metadata, "/workspace_members").filter_map(Value::as_str);
    let mut wrong = Vec::new();
    for root in members.filter(|id| names.get(id).is_some_and(|name| PURE.contains(name))) {
        let mut seen = BTreeSet::from([root]);
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            open.extend(edges.get(id).into_iter().flatten().copied().filter(|next| seen.insert(next)));
        }
        let pulled = seen.iter().filter_map(|id| names.get(id)).filter(|name| IMPURE.contains(name));
        let name = names.get(root).copied().unwrap_or_default();
        wrong.extend(pulled.map(|pulled| format!("`{name}` must be pure, and pulls in `{pulled}`")));
    }
    wrong
}

fn sql_outside_store(metadata: &Value) -> Vec<String> {
    let members: BTreeSet<&str> = list(metadata, "/workspace_members").filter_map(Value::as_str).collect();
    list(metadata, "/packages")
        .filter(|package| text(package, "id").is_some_and(|id| members.contains(id)))
        .filter(|package| list(package, "/dependencies").any(|dep| dep["name"] == "sqlx"))
        .filter_map(|package| text(package, "name"))
        .filter(|name| *name != "store")
        .map(|name| format!("`{name}` depends on sqlx: SQL belongs in `store`"))
        .collect()
}

fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// All files that go into a build without tests, with their production lines.
fn production_files() -> Result<Vec<(usize, PathBuf)>> {
    let mut sources = Vec::new();
    for directory in ["crates", "xtask", "bench"] {
        walk(&root().join(directory), &mut sources)?;
    }
    let mut tests = BTreeSet::new();
    let mut files = Vec::new();
    for path in &sources {
        let source = fs::read_to_string(path)?;
        let (lines, test_modules) = production(&source);
        tests.extend(test_modules.iter().map(|name| below(path).join(name)));
        files.push((lines, path.clone()));
    }
    let is_test = |path: &Path| path.ancestors().any(|above| tests.contains(&above.with_extension("")));
    files.retain(|(_, path)| !is_test(path) && !path.components().any(|part| part.as_os_str() == "tests"));
    Ok(files
        .into_iter()
        .map(|(lines, path)| (lines, path.strip_prefix(root()).map(Path::to_owned).unwrap_or(path)))
        .collect())
}

/// Where the modules lie that a file declares.
fn below(path: &Path) -> PathBuf {
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => path.parent().map(Path::to_owned).unwrap_or_default(),
        _ => path.with_extension(""),
    }
}

fn walk(directory: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "fixtures") {
            walk(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// The lines of a file up to its tests, and the modules that it declares for tests alone.
fn production(source: &str) -> (usize, Vec<String>) {
    let mut modules = Vec::new();
    let mut lines = 0;
    let mut rest = source.lines();
    while let Some(line) = rest.next() {
        if line.trim() != "#[cfg(test)]" {
            lines += 1;
            continue;
        }
        let declared = rest.next().unwrap_or_default().trim();
        let name = declared.split_once("mod ").and_then(|(_, name)| name.strip_suffix(';'));
        match name {
            Some(name) => modules.push(name.to_owned()),
            // A test module closes the file; another item for tests ends where the next blank line is.
            None if declared.contains("mod ") => break,
            None => _ = rest.by_ref().find(|line| line.trim().is_empty()),
        }
    }
    (lines, modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_001_the_rules_of_the_house_hold() {
        run(&Args {}).unwrap();
    }

    #[test]
    fn tests_are_not_counted() {
        let source =
            "a\n#[cfg(test)]\nmod more;\nb\n#[cfg(test)]\nfn only() {\n}\n\nc\n#[cfg(test)]\nmod tests {\nd\n}\n";
        assert_eq!(production(source), (3, vec!["more".to_owned()]));
    }

    #[test]
    fn an_impure_dependency_is_found_through_others() {
        let metadata = serde_json::json!({
            "packages": [
                {"id": "1", "name": "llm", "dependencies": [{"name": "sqlx"}]},
                {"id": "2", "name": "between", "dependencies": []},
                {"id": "3", "name": "tokio", "dependencies": []},
            ],
            "workspace_members": ["1"],
            "resolve": {"nodes": [
                {"id": "1", "deps": [{"pkg": "2", "dep_kinds": [{"kind": null}]}]},
                {"id": "2", "deps": [{"pkg": "3", "dep_kinds": [{"kind": null}]}]},
            ]},
        });
        assert_eq!(impure(&metadata), ["`llm` must be pure, and pulls in `tokio`"]);
        assert_eq!(sql_outside_store(&metadata).len(), 1);
        let mut only_tests = metadata;
        only_tests["resolve"]["nodes"][0]["deps"][0]["dep_kinds"][0]["kind"] = "dev".into();
        assert!(impure(&only_tests).is_empty());
    }
}
