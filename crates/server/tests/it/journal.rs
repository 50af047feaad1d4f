//! What calls cost when there is no room to write it down.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;
use testkit::{
    Answer, Harness,
    fixture::{openai_chat_text, openai_stream, openai_usage, words},
};

use crate::setup::{Scene, chat};

/// A small disk of its own over this folder; `None`, said loudly, where that is not allowed.
struct Disk(PathBuf);

impl Disk {
    fn over(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder).status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(folder.to_owned()));
        }
        eprintln!("SKIPPED: a disk cannot be mounted here (that needs root), so none can be filled");
        None
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while std::io::Write::write_all(&mut file, &[1; 4096]).is_ok() {}
        while std::io::Write::write_all(&mut file, &[1]).is_ok() {}
    }

    fn clear(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn status(gateway: &Harness, path: &str) -> u16 {
    gateway.stranger().get(path).send().await.status
}

#[tokio::test]
async fn fault_017_a_full_disk_refuses_calls_until_there_is_room_and_ends_those_under_way() {
    let mut scene = Scene::answering(openai_chat_text("x", &openai_usage(3, 1))).await;
    scene.gateway.kill9();
    let Some(disk) = Disk::over(&scene.gateway.folder().join("data/journal")) else { return };
    scene.gateway.restart().await;
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);

    let slow = Answer::sse(openai_stream(&words(30), Some(&openai_usage(3, 30)))).gap(Duration::from_millis(50));
    scene.upstream.now_answering(slow);
    let body = crate::setup::with(chat("chat/m"), &json!({ "stream": true }));
    let stream = scene.gateway.client().post("/v1/chat/completions", &body).stream().await;
    disk.fill();
    scene.upstream.now_answering(openai_chat_text("x", &openai_usage(3, 1)));
    let begun = Instant::now();
    let refused = loop {
        let answer = scene.chat("chat/m", &json!({})).await;
        if answer.status != 200 {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the disk is full, and calls are made");
    };
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &json!("journal_unavailable")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(status(&scene.gateway, "/ready").await, 503);
    let ended = stream.rest().await;
    assert!(ended.cut.is_none() && ended.text().contains("[DONE]"), "{}", ended.text());

    disk.clear();
    let begun = Instant::now();
    while status(&scene.gateway, "/ready").await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "there is room, and no call is taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.chat("chat/m", &json!({})).await.status, 200);
    let log = scene.gateway.log();
    assert!(log.contains("the journal can be written again") && !log.contains("is damaged"), "{log}");
    let long = scene.gateway.records(3).await.into_iter().find(|record| record["stream"] == true).unwrap();
    assert_eq!((&long["usage"]["output"], &long["outcome"]), (&json!(30), &json!("success")));
    scene.gateway.kill9();
    scene.gateway.restart().await;
    assert!(!scene.gateway.log().contains("is damaged"));
}
