//! Finds the first entry that is not as it was written. Meant for millions a second: it reads lines, and makes nothing of
//! them.

use aws_lc_rs::digest::{SHA256, digest};

use super::{Checkpoint, FIELDS, GENESIS};

/// The first entry that is wrong, and in what way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{seq}: {what}")]
pub struct Finding {
    pub seq: i64,
    pub what: String,
}

/// A chain in which nothing was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries that were looked at: the last one's number.
    pub entries: i64,
    /// The hash of the last.
    pub head: String,
    /// Checkpoints that agreed.
    pub checkpoints: usize,
}

/// Goes through a chain from its beginning.
#[derive(Debug)]
pub struct Verifier {
    seen: i64,
    head: [u8; 64],
    /// By number, last first, so that the next one is at the end.
    checkpoints: Vec<Checkpoint>,
    agreed: usize,
    /// The number of the last checkpoint that agreed.
    anchor: i64,
    /// The last entry does not follow from the one before: the next one tells which of the two is wrong.
    broken: bool,
}

impl Verifier {
    /// With checkpoints whose signatures have been found good.
    #[must_use]
    pub fn new(mut checkpoints: Vec<Checkpoint>) -> Self {
        checkpoints.retain(|checkpoint| checkpoint.seq > 0);
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.seq));
        let mut head = [0; 64];
        head.copy_from_slice(GENESIS.as_bytes());
        Self { seen: 0, head, checkpoints, agreed: 0, anchor: 0, broken: false }
    }

    /// Takes the next lines, with a line break between each two.
    ///
    /// # Errors
    /// The first entry that is wrong; nothing that comes after it is looked at.
    pub fn take(&mut self, lines: &[u8]) -> Result<(), Finding> {
        lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).try_for_each(|line| self.line(line))
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Finding> {
        let next = self.seen + 1;
        let found = |what: &str| Err(Finding { seq: next, what: what.to_owned() });
        let end = line.len().saturating_sub(65);
        let (Some(canonical), Some(hash)) = (line.get(..end), line.get(end + 1..)) else {
            return found("it is no entry");
        };
        let is_whole = line.get(end) == Some(&b'\t') && tabs(line) == FIELDS - 1;
        if is_whole
            && let Some(seq) = number(canonical)
            && seq != next
        {
            return match seq > next {
                true => found("it is missing"),
                false => found("another entry stands in its place"),
            };
        }
        if !is_whole || hash != hashed(canonical) {
            return found("it was changed");
        }
        // The last field of the canonical bytes, which the hash has just vouched for.
        let follows = canonical.len() >= 64 && canonical.get(canonical.len() - 64..) == Some(&self.head);
        if self.broken {
            return Err(self.break_before(follows));
        }
        self.broken = !follows;
        self.seen = next;
        self.head.copy_from_slice(hash);
        self.compare()
    }

    /// Two entries that do not follow on each other, both true to their own hashes. One of them was replaced together with
    /// its hash: the first, if the second is the one that the rest follows from.
    fn break_before(&self, second_is_true: bool) -> Finding {
        let seq = if second_is_true { (self.seen - 1).max(1) } else { self.seen };
        Finding { seq, what: "it was replaced: the entries around it do not follow from it".to_owned() }
    }

    /// Compares the head with the checkpoints of its number.
    fn compare(&mut self) -> Result<(), Finding> {
        let mut agreed = false;
        while self.checkpoints.last().is_some_and(|checkpoint| checkpoint.seq == self.seen) {
            let agrees = self.checkpoints.pop().is_some_and(|checkpoint| checkpoint.hash.as_bytes() == self.head);
            if self.broken {
                return Err(self.break_before(agrees));
            }
            if !agrees {
                let what = format!(
                    "the chain was written anew after entry {}: a signed checkpoint of entry {} has another hash",
                    self.anchor, self.seen
                );
                return Err(Finding { seq: self.anchor + 1, what });
            }
            self.agreed += 1;
            agreed = true;
        }
        // Only now: of two that tell of one entry, from before and after a restoration, one may disagree.
        if agreed {
            self.anchor = self.seen;
        }
        Ok(())
    }

    /// Says what was found at the end. `count` is the number of entries that the database says there are, if it does.
    ///
    /// # Errors
    /// Entries are missing at the end.
    pub fn finish(self, count: Option<i64>) -> Result<Verified, Finding> {
        if self.broken {
            return Err(self.break_before(true));
        }
        let signed = self.checkpoints.first().map_or(0, |checkpoint| checkpoint.seq);
        let most = signed.max(count.unwrap_or(0));
        if most > self.seen {
            let who = if signed >= most { "a signed checkpoint" } else { "the count of entries" };
            let what =
                format!("it is missing: the log was cut off or restored from an old copy; {who} tells of entry {most}");
            return Err(Finding { seq: self.seen + 1, what });
        }
        let head = String::from_utf8_lossy(&self.head).into_owned();
        Ok(Verified { entries: self.seen, head, checkpoints: self.agreed })
    }
}

fn tabs(line: &[u8]) -> usize {
    line.iter().map(|byte| usize::from(*byte == b'\t')).sum()
}

/// The number at the beginning, in the one way in which it is written.
fn number(line: &[u8]) -> Option<i64> {
    let digits = line.split(|byte| *byte == b'\t').next()?;
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    digits.iter().try_fold(0_i64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

fn hashed(bytes: &[u8]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or_default();
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest(&SHA256, bytes).as_ref()) {
        if let [high, low] = pair {
            (*high, *low) = (digit(byte >> 4), digit(*byte));
        }
    }
    text
}
