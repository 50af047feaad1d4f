//! Limits and budgets.

mod scope;
mod steps;

use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use llm::price::parse_decimal;

use super::{At, Checking, Fault};
use crate::{
    config::{
        problem::{closest, list},
        quantity,
        raw::{Items, Raw, RawCap, RawLimit, RawMode, RawReserve},
        shape::join,
    },
    key::Origin,
    limit::{Amount, Cap, Dimension, Limit, Measure, Mode, Override, Period, Reserve, Window},
};

/// The longest sliding window, in microseconds: its counters keep a hundred slots, which would be days.
const LONGEST: i64 = 30 * 86_400_000_000;

/// The shortest: below, the gateway's own latency is what is measured.
const SHORTEST: i64 = 1_000_000;

impl Checking<'_> {
    pub(super) fn limits(&mut self, raw: &Raw) -> Vec<Arc<Limit>> {
        raw.limits.iter().filter_map(|(id, limit)| self.limit(id, limit, raw).map(Arc::new)).collect()
    }

    fn limit(&mut self, id: &str, limit: &RawLimit, raw: &Raw) -> Option<Limit> {
        let path = join("limits", id);
        if !is_slug(id) {
            let message = format!("`{id}` is no name for a limit");
            let fix = "write letters, digits, `-`, `_` and `.`, at most 64 of them";
            self.report.error(Fault::BadName, At::Name(&path), message, fix);
        }
        let zone = self.zone(limit.zone.as_deref(), &path);
        let per = self.per(&limit.per, &path);
        let caps: Vec<Cap> = self.caps(&limit.caps, &zone, &format!("{path}.caps"));
        if limit.zone.is_some() && !caps.iter().any(|cap| matches!(cap.window, Window::Calendar(..))) {
            let fix = "remove it, or give a cap the window `day`, `week`, `month` or `quarter`";
            let at = format!("{path}.zone");
            self.report.warning(Fault::NoEffect, At::Value(&at), "no cap of this limit has a calendar window", fix);
        }
        if caps.is_empty() {
            return None;
        }
        Some(Limit {
            id: id.into(),
            when: self.scope(&limit.when, raw, &format!("{path}.when")),
            unless: self.scope(&limit.unless, raw, &format!("{path}.unless")),
            overrides: self.exceptions(limit, &per, (&caps, &zone), &path),
            steps: self.steps(limit, raw, &format!("{path}.steps")),
            per,
            caps,
            mode: match limit.mode {
                Some(RawMode::Audit) => Mode::Audit,
                Some(RawMode::Enforce) | None => Mode::Enforce,
            },
            reserve: match limit.reserve {
                Some(RawReserve::Soft) => Reserve::Soft,
                Some(RawReserve::Strict) | None => Reserve::Strict,
            },
            counts_cached: limit.cached_tokens.unwrap_or(true),
            origin: Origin::File,
        })
    }

    fn zone(&mut self, name: Option<&str>, path: &str) -> TimeZone {
        let Some(name) = name else { return TimeZone::UTC };
        TimeZone::get(name).unwrap_or_else(|_unknown| {
            let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
            let fix = match closest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write a name such as `Europe/Berlin` or `UTC`".to_owned(),
            };
            let at = format!("{path}.zone");
            self.report.error(Fault::UnknownValue, At::Value(&at), format!("there is no time zone `{name}`"), fix);
            TimeZone::UTC
        })
    }

    fn per(&mut self, names: &Items<String>, path: &str) -> Vec<Dimension> {
        let mut good: Vec<Dimension> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let (Some(name), at) = (name, format!("{path}.per[{at}]")) else { continue };
            match Dimension::parse(name) {
                Some(dimension) if good.contains(&dimension) => {
                    let message = format!("`{name}` stands twice");
                    self.report.error(Fault::Duplicate, At::Value(&at), message, "keep one of them");
                }
                Some(dimension) => good.push(dimension),
                None => {
                    let known: Vec<String> = Dimension::NAMED.iter().map(ToString::to_string).collect();
                    let known = || known.iter().map(String::as_str).chain(["metadata.NAME"]);
                    let fix = match closest(name, known()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("use some of {}", list(known())),
                    };
                    let message = format!("nothing is counted per `{name}`");
                    self.report.error(Fault::UnknownValue, At::Value(&at), message, fix);
                }
            }
        }
        good
    }

    fn caps(&mut self, caps: &Items<RawCap>, zone: &TimeZone, path: &str) -> Vec<Cap> {
        let mut good: Vec<Cap> = Vec::new();
        for (at, cap) in caps.iter().enumerate() {
            let (Some(cap), at) = (cap, format!("{path}[{at}]")) else { continue };
            let Some(cap) = self.cap(cap, zone, &at) else { continue };
            if good.iter().any(|other| (other.measure, &other.window) == (cap.measure, &cap.window)) {
                let message = format!("{} {} is capped twice", cap.measure.name(), cap.window.say());
                self.report.error(Fault::Duplicate, At::Value(&at), message, "keep one of them");
                continue;
            }
            good.push(cap);
        }
        good
    }

    fn cap(&mut self, raw: &RawCap, zone: &TimeZone, path: &str) -> Option<Cap> {
        let names = || Measure::ALL.iter().map(|measure| measure.name());
        let whole = [
            (Measure::Requests, raw.requests),
            (Measure::Tokens, raw.tokens),
            (Measure::InputTokens, raw.input_tokens),
            (Measure::OutputTokens, raw.output_tokens),
            (Measure::Concurrency, raw.concurrency),
            (Measure::Images, raw.images),
        ];
        let broken = [(Measure::Spend, raw.spend, 9), (Measure::AudioSeconds, raw.audio_seconds, 3)];
        let mut said: Vec<(Measure, Option<Amount>)> = Vec::new();
        said.extend(whole.into_iter().filter_map(|(measure, amount)| Some((measure, Some(amount?)))));
        for (measure, amount, scale) in broken {
            let Some(amount) = amount else { continue };
            let exact = scaled(amount, scale);
            if exact.is_none() {
                let at = format!("{path}.{}", measure.name());
                let message = format!("`{}` is {amount}, which is no amount to stop at", measure.name());
                let fix =
                    "write a number from 0 to 1000000000, in dollars with at most nine decimals, in seconds with three";
                self.report.error(Fault::OutOfRange, At::Value(&at), message, fix);
            }
            said.push((measure, exact));
        }
        let (measure, most) = match said.as_slice() {
            [one] => *one,
            [] => {
                let fix = format!("say how much of what: one of {}", list(names()));
                self.report.error(Fault::MissingField, At::Value(path), "this cap has no amount", fix);
                return None;
            }
            [_, (second, _), ..] => {
                let message = format!("a cap has one amount, and `{}` is one too many", second.name());
                self.report.error(Fault::Duplicate, At::Value(path), message, "make two caps of it");
                return None;
            }
        };
        let window = self.window(measure, raw.window.as_deref(), zone, path)?;
        Some(Cap { measure, most: most?, window })
    }

    fn window(&mut self, measure: Measure, text: Option<&str>, zone: &TimeZone, path: &str) -> Option<Window> {
        let at = format!("{path}.window");
        if measure == Measure::Concurrency {
            if text.is_some() {
                let message = "calls in flight are counted at every moment, in no window";
                self.report.error(Fault::NoEffect, At::Value(&at), message, "remove `window`");
            }
            return Some(Window::Moment);
        }
        let fix =
            "write `minute`, `hour`, a duration from `1s` to `30d`, `day`, `week`, `month`, `quarter` or `lifetime`";
        let Some(text) = text else {
            self.report.error(Fault::MissingField, At::Value(path), "this cap has no `window`", fix);
            return None;
        };
        let period = Period::ALL.iter().find(|period| period.name() == text);
        let width = match text {
            "second" => Some(1_000_000),
            "minute" => Some(60_000_000),
            "hour" => Some(3_600_000_000),
            _ => quantity::duration(text).and_then(|width| i64::try_from(width.as_micros()).ok()),
        };
        match (text, period, width) {
            ("lifetime", ..) => Some(Window::Lifetime),
            (_, Some(period), _) => Some(Window::Calendar(*period, zone.clone())),
            (_, _, Some(width)) if (SHORTEST..=LONGEST).contains(&width) => Some(Window::Sliding(width)),
            _ => {
                let message = format!("`{text}` is no window");
                self.report.error(Fault::BadDuration, At::Value(&at), message, fix);
                None
            }
        }
    }

    fn exceptions(
        &mut self,
        limit: &RawLimit,
        per: &[Dimension],
        (caps, zone): (&[Cap], &TimeZone),
        path: &str,
    ) -> Vec<Override> {
        let mut good = Vec::new();
        for (at, raw) in limit.overrides.iter().enumerate() {
            let (Some(raw), path) = (raw, format!("{path}.overrides[{at}]")) else { continue };
            let mut entity = BTreeMap::new();
            for (name, value) in &raw.entity {
                match Dimension::parse(name).filter(|dimension| per.contains(dimension)) {
                    Some(dimension) => {
                        entity.insert(dimension, Arc::from(value.as_str()));
                    }
                    None => {
                        let at = join(&format!("{path}.for"), name);
                        let message = format!("the limit has no counter for each `{name}`");
                        let fix = format!("add `{name}` to `per`, or name one that stands there");
                        self.report.error(Fault::UnknownValue, At::Name(&at), message, fix);
                    }
                }
            }
            if raw.entity.is_empty() {
                let fix = "say whom, such as `for: { user: alice }`";
                self.report.error(Fault::MissingField, At::Value(&path), "this override is for nobody", fix);
            }
            let mut most = vec![None; caps.len()];
            for own in self.caps(&raw.caps, zone, &format!("{path}.caps")) {
                let same = |cap: &Cap| (cap.measure, &cap.window) == (own.measure, &own.window);
                match caps.iter().position(same).and_then(|place| most.get_mut(place)) {
                    Some(place) => *place = Some(own.most),
                    None => {
                        let message = format!(
                            "the limit has no cap on {} {}, so there is nothing to override",
                            own.measure.name(),
                            own.window.say()
                        );
                        let at = format!("{path}.caps");
                        let fix = "add such a cap to the limit, or use the measure and window of one that it has";
                        self.report.error(Fault::UnknownValue, At::Value(&at), message, fix);
                    }
                }
            }
            good.push(Override { entity, most });
        }
        good
    }
}

/// An amount with decimals as a whole number of smaller units, exactly.
fn scaled(amount: f64, scale: i32) -> Option<Amount> {
    let text = (0.0..=1e9).contains(&amount).then(|| amount.to_string())?;
    let decimal = parse_decimal(&text, scale).ok().filter(|decimal| decimal.exact)?;
    u64::try_from(decimal.value).ok()
}

/// A name that can stand in an address, a header and the name of a counter as it is.
fn is_slug(id: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= 64 && id.chars().all(good)
}
