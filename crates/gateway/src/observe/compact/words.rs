//! The numbers of words. They are in databases: one that was given once is never given to anything else.

use crate::observe::{Lane, Recovered};

pub(super) fn lane_number(lane: Lane) -> u64 {
    match lane {
        Lane::Relay => 1,
        Lane::Inspect => 2,
        Lane::Translate => 3,
    }
}

pub(super) fn lane_of(number: u64) -> Option<Lane> {
    [Lane::Relay, Lane::Inspect, Lane::Translate].into_iter().find(|lane| lane_number(*lane) == number)
}

pub(super) fn known_number(known: Recovered) -> u64 {
    match known {
        Recovered::Checkpoint => 1,
        Recovered::Held => 2,
    }
}

pub(super) fn known_of(number: u64) -> Option<Recovered> {
    [Recovered::Checkpoint, Recovered::Held].into_iter().find(|known| known_number(*known) == number)
}
