//! Files that are written from the code that rules, so that they cannot be wrong for long.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

/// A file of the repository and what it must hold.
pub struct Page {
    pub path: &'static str,
    pub text: String,
}

/// Writes the pages, or says which are not as they should be.
pub fn keep(pages: &[Page], check: bool, command: &str) -> Result<()> {
    let mut stale = Vec::new();
    for page in pages {
        let path = root().join(page.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == page.text) {
            continue;
        }
        if check {
            stale.push(page.path);
            continue;
        }
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, &page.text).with_context(|| format!("cannot write {}", page.path))?;
        println!("wrote {}", page.path);
    }
    if !stale.is_empty() {
        bail!("not as the code says: {}; run `cargo xtask {command}`", stale.join(", "));
    }
    Ok(())
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
