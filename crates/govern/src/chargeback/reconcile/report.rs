//! Providers' reports as they export them: JSON of their usage and cost APIs, and tables.
//!
//! - OpenAI: usage (`/v1/organization/usage/completions`, grouped by model) and costs (`/v1/organization/costs`, grouped by
//!   line item), <https://platform.openai.com/docs/api-reference/usage>
//! - Anthropic: `/v1/organizations/usage_report/messages` and `/v1/organizations/cost_report`, grouped by model and
//!   description, <https://platform.claude.com/docs/en/api/admin/cost_report>
//! - tables with a line of names: those of either's console, or any, with the names of the columns told

mod json;
mod table;

use std::collections::BTreeMap;

use super::CLASSES;
use crate::Money;

/// A report, as far as it can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub lines: Vec<Theirs>,
    /// The days since 1970 that it covers, with those on which nothing was used.
    pub first_day: i64,
    pub last_day: i64,
    /// The largest error that the rounding of its costs can make in one of them.
    pub last_digit: Money,
}

/// What is reported of a model on a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Theirs {
    pub day: i64,
    pub model: String,
    /// By class; `None`: it is not reported.
    pub tokens: [Option<i64>; CLASSES.len()],
    pub costs: [Option<Money>; CLASSES.len()],
    /// The cost of all classes, where they are not told apart.
    pub whole_cost: Option<Money>,
    pub requests: Option<i64>,
}

impl Theirs {
    pub(super) fn empty(day: i64, model: &str) -> Self {
        Self { day, model: model.to_owned(), ..Self::default() }
    }

    pub(super) fn tokens(&self, class: usize) -> Option<i64> {
        self.tokens.get(class).copied().flatten()
    }

    pub(super) fn cost(&self, class: usize) -> Option<Money> {
        self.costs.get(class).copied().flatten()
    }

    pub(super) fn states_costs(&self) -> bool {
        self.whole_cost.is_some() || self.costs.iter().any(Option::is_some)
    }

    /// Adds another line of the same day and model.
    pub(super) fn merge(&mut self, other: &Self) {
        fn sum<T: Copy + std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.zip(other).map(|(one, other)| one + other).or(one).or(other)
        }
        for (held, more) in self.tokens.iter_mut().zip(other.tokens) {
            *held = sum(*held, more);
        }
        for (held, more) in self.costs.iter_mut().zip(other.costs) {
            *held = sum(*held, more);
        }
        self.whole_cost = sum(self.whole_cost, other.whole_cost);
        self.requests = sum(self.requests, other.requests);
    }
}

/// Why a report cannot be read: where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadReport(pub String);

/// Reads reports of one provider and joins them: usage and costs come in files of their own.
///
/// `columns` names the columns of tables that are called otherwise than usual: our name (`day`, `model`, `input`,
/// `cache_read`, `cost` ...) to theirs.
///
/// # Errors
/// A file is neither of the known forms, or a figure in it is none.
pub fn read(files: &[(String, String)], columns: &BTreeMap<String, String>) -> Result<Report, BadReport> {
    let mut gathered = Gathered::default();
    for (name, text) in files {
        let start = text.trim_start_matches('\u{feff}').trim_start();
        let read = if start.starts_with(['{', '[']) {
            json::read(start, &mut gathered)
        } else {
            table::read(text, columns, &mut gathered)
        };
        read.map_err(|BadReport(problem)| BadReport(format!("{name}: {problem}")))?;
    }
    gathered.finish()
}

/// What was read so far.
#[derive(Debug, Default)]
struct Gathered {
    lines: BTreeMap<(i64, String), Theirs>,
    days: Option<(i64, i64)>,
    /// Digits behind the point of the costs in dollars, at most.
    digits: u32,
    costs: bool,
    /// Pages of JSON, and those of them that say that another follows.
    pages: usize,
    followed: usize,
}

impl Gathered {
    /// The line of a day and model.
    fn line(&mut self, day: i64, model: &str) -> &mut Theirs {
        self.cover(day);
        self.lines.entry((day, model.to_owned())).or_insert_with(|| Theirs::empty(day, model))
    }

    /// Notes that the report covers a day.
    fn cover(&mut self, day: i64) {
        let (first, last) = self.days.unwrap_or((day, day));
        self.days = Some((first.min(day), last.max(day)));
    }

    /// Adds a cost of a class, or of all of them together.
    fn cost(&mut self, day: i64, model: &str, class: Option<usize>, cost: Money) {
        let mut more = Theirs::empty(day, model);
        match class.and_then(|class| more.costs.get_mut(class)) {
            Some(held) => *held = Some(cost),
            None => more.whole_cost = Some(cost),
        }
        self.line(day, model).merge(&more);
    }

    /// Reads an amount of dollars, or of cents.
    fn money(&mut self, text: &str, cents: bool) -> Result<Money, BadReport> {
        let text = text.trim().trim_start_matches('$');
        let shift = if cents { 7 } else { 9 };
        let decimal = llm::price::parse_decimal(text, shift)
            .map_err(|_| BadReport(format!("`{text}` is no amount; an amount is written 12.50")))?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let behind = mantissa.split_once('.').map_or(0, |(_, behind)| behind.trim_end_matches('0').len());
        let digits =
            i64::try_from(behind).unwrap_or(0) - exponent.parse::<i64>().unwrap_or(0) + if cents { 2 } else { 0 };
        self.digits = self.digits.max(u32::try_from(digits.clamp(2, 9)).unwrap_or(9));
        self.costs = true;
        i64::try_from(decimal.value)
            .map(Money)
            .map_err(|_| BadReport(format!("`{text}` is more than nine billion dollars")))
    }

    fn finish(self) -> Result<Report, BadReport> {
        let Some((first_day, last_day)) = self.days else {
            return Err(BadReport("there is nothing in the report: export it for the days to compare".to_owned()));
        };
        if self.pages > 0 && self.pages == self.followed {
            let fix = "fetch the pages that follow (`next_page`) and give their files too";
            return Err(BadReport(format!("the report is not whole: its last page says that there are more; {fix}")));
        }
        // Half of the last digit.
        let last_digit = if self.costs { Money(10_i64.pow(9 - self.digits.min(9)) / 2 + 1) } else { Money::ZERO };
        Ok(Report { lines: self.lines.into_values().collect(), first_day, last_day, last_digit })
    }
}

/// The class that a provider's word for it means, as an index of [`CLASSES`].
fn class_named(word: &str) -> Option<usize> {
    let word = word.trim().to_ascii_lowercase().replace([' ', '-', '.'], "_");
    let word = word.trim_end_matches("_tokens").trim_end_matches("_token");
    let class = match word {
        "input" | "uncached_input" | "prompt" | "text_input" | "context" => "input",
        "cached_input" | "cache_read" | "cache_read_input" | "input_cached" | "cached" => "cache_read",
        "cache_write"
        | "cache_creation"
        | "cache_creation_input"
        | "cache_write_5m"
        | "cache_creation_5m_input"
        | "cache_creation_ephemeral_5m_input"
        | "ephemeral_5m_input" => "cache_write",
        "cache_write_1h" | "cache_creation_1h_input" | "cache_creation_ephemeral_1h_input" | "ephemeral_1h_input" => {
            "cache_write_1h"
        }
        "output" | "completion" | "text_output" | "generated" => "output",
        _ => return None,
    };
    CLASSES.iter().position(|name| *name == class)
}
