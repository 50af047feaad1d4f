//! Titles with times: SubRip and WebVTT.

use super::reply::{Segment, TranscribeReply, Word};

/// A title is shown no longer, and holds no more.
const LONGEST: u64 = 7_000;
const MOST_CHARS: usize = 84;

/// Words gathered to titles: a pause, the end of a sentence, or enough words end one.
pub(super) fn segments(words: &[Word]) -> Vec<Segment> {
    const PAUSE: u64 = 1_000;
    let mut segments: Vec<Segment> = Vec::new();
    let mut open = false;
    for word in words {
        match segments.last_mut().filter(|last| {
            let grown = last.text.len() + word.text.len();
            open && word.start.saturating_sub(last.end) < PAUSE
                && grown < MOST_CHARS
                && word.end.saturating_sub(last.start) < LONGEST
        }) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(&word.text);
                last.end = word.end;
            }
            None => segments.push(Segment { text: word.text.clone(), start: word.start, end: word.end }),
        }
        open = !word.text.ends_with(['.', '!', '?']);
    }
    segments
}

/// The segments, or all of the text as one.
fn titles(reply: &TranscribeReply) -> Vec<Segment> {
    if !reply.segments.is_empty() || reply.text.is_empty() {
        return reply.segments.clone();
    }
    vec![Segment { text: reply.text.clone(), start: 0, end: reply.duration.unwrap_or(0) }]
}

/// SubRip.
pub(super) fn srt(reply: &TranscribeReply) -> String {
    let title = |(at, Segment { text, start, end }): (usize, &Segment)| {
        format!("{}\n{} --> {}\n{}\n\n", at + 1, time(*start, ','), time(*end, ','), text.trim())
    };
    titles(reply).iter().enumerate().map(title).collect()
}

/// WebVTT.
pub(super) fn vtt(reply: &TranscribeReply) -> String {
    let title = |Segment { text, start, end }: &Segment| {
        format!("{} --> {}\n{}\n\n", time(*start, '.'), time(*end, '.'), text.trim())
    };
    std::iter::once("WEBVTT\n\n".to_owned()).chain(titles(reply).iter().map(title)).collect()
}

fn time(millis: u64, point: char) -> String {
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}{point}{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// When the last title ends, in milliseconds; `None` for text without times.
pub(super) fn last_time(text: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.contains(" --> "))?;
    let end = line.split(" --> ").nth(1)?.split_whitespace().next()?.replace(',', ".");
    let mut total = 0.0;
    for piece in end.split(':') {
        total = total * 60.0 + piece.parse::<f64>().ok().filter(|piece| piece.is_finite() && *piece >= 0.0)?;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "such casts saturate")]
    Some((total * 1_000.0).round() as u64)
}
