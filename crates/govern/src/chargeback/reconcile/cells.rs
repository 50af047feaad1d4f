//! Both sides in one sheet: a cell for each day and model, with the figures of each class.

use std::collections::{BTreeMap, HashMap, HashSet};

use llm::usage::{Role, Unit};

use super::{CLASSES, Report, Theirs, Total};
use crate::Money;

/// What was used here in an hour by one model and class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ours {
    /// Hours since 1970.
    pub hour: i64,
    /// As it was asked for at the provider.
    pub target_model: String,
    /// As the provider says that it answered; empty if it did not.
    pub served_model: String,
    /// An index of [`CLASSES`].
    pub class: usize,
    pub tokens: i64,
    /// What the provider charges for them: without the margin for callers.
    pub cost: Money,
    /// Tries that these tokens are of. Counted with one class alone.
    pub tries: i64,
    /// They failed, were cut, or their client had gone.
    pub incomplete: bool,
    /// Their price is not known.
    pub unpriced: bool,
}

/// The class that a report counts a unit in, as an index of [`CLASSES`]; `None` if it is no token, or a part of another.
#[must_use]
pub fn class_of(unit: Unit) -> Option<usize> {
    match unit {
        Unit::CacheRead => Some(1),
        Unit::CacheWrite => Some(2),
        Unit::CacheWrite1h | Unit::CacheWrite12h => Some(3),
        Unit::Output => Some(4),
        unit if unit.role() == Role::Prompt => Some(0),
        _ => None,
    }
}

/// The figures of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Side {
    pub tokens: i64,
    pub cost: Money,
}

/// Ours of one day and model.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    pub all: [Side; CLASSES.len()],
    /// The part of it that failed or was cut.
    pub incomplete: [Side; CLASSES.len()],
    /// Tokens whose price is not known.
    pub unpriced: [i64; CLASSES.len()],
    pub tries: i64,
    pub incomplete_tries: i64,
    /// What came in the first and in the last hour of the day.
    pub first_hour: [Side; CLASSES.len()],
    pub last_hour: [Side; CLASSES.len()],
}

/// A day and a model.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub ours: Option<Own>,
    pub theirs: Option<Theirs>,
}

impl Cell {
    /// Classes of which either side has something.
    pub fn classes(&self) -> usize {
        (0..CLASSES.len()).filter(|class| self.tokens(*class) != (0, 0)).count().max(1)
    }

    /// Ours and theirs.
    pub fn tokens(&self, class: usize) -> (i64, i64) {
        let ours = self.ours.as_ref().and_then(|ours| ours.all.get(class)).map_or(0, |side| side.tokens);
        (ours, self.theirs.as_ref().map_or(0, |theirs| theirs.tokens(class).unwrap_or(ours)))
    }

    /// Theirs less ours, by class.
    pub fn difference(&self) -> [i64; CLASSES.len()] {
        std::array::from_fn(|class| {
            let (ours, theirs) = self.tokens(class);
            theirs - ours
        })
    }
}

/// Both sides.
#[derive(Debug)]
pub(super) struct Sheet {
    pub cells: BTreeMap<(String, i64), Cell>,
    /// Ours and theirs before anything was moved.
    pub original: (Total, Total),
    /// What a cost of the report may be off by, for its own rounding.
    pub last_digit: Money,
}

impl Sheet {
    pub fn of(ours: &[Ours], report: &Report) -> Self {
        let mut sheet = Self { cells: BTreeMap::new(), original: Default::default(), last_digit: report.last_digit };
        for theirs in &report.lines {
            let cell = sheet.cells.entry((theirs.model.clone(), theirs.day)).or_default();
            cell.theirs.get_or_insert_with(|| Theirs::empty(theirs.day, &theirs.model)).merge(theirs);
        }
        sheet.place(ours, report, 0);
        sheet.original = (sheet.own_total(), sheet.their_total());
        sheet
    }

    /// Puts ours into their cells, with days that begin so many hours before UTC's.
    pub fn place(&mut self, ours: &[Ours], report: &Report, offset: i64) {
        for cell in self.cells.values_mut() {
            cell.ours = None;
        }
        self.cells.retain(|_, cell| cell.theirs.is_some());
        let names = Names::of(ours, report);
        for row in ours {
            let hour = row.hour + offset;
            let day = hour.div_euclid(24);
            if day < report.first_day || day > report.last_day {
                continue;
            }
            let model = names.find(row);
            let own = self.cells.entry((model.to_owned(), day)).or_default().ours.get_or_insert_default();
            own.add(row, hour.rem_euclid(24));
        }
    }

    pub fn own_total(&self) -> Total {
        let mut total = Total::default();
        for cell in self.cells.values() {
            let Some(own) = &cell.ours else { continue };
            let counted = |class: usize| cell.theirs.as_ref().is_none_or(|theirs| theirs.tokens(class).is_some());
            for (class, side) in own.all.iter().enumerate() {
                total.tokens += if counted(class) { side.tokens } else { 0 };
                total.cost += if self.is_costed(cell, class) { side.cost } else { Money::ZERO };
            }
        }
        total
    }

    fn their_total(&self) -> Total {
        let mut total = Total::default();
        for theirs in self.cells.values().filter_map(|cell| cell.theirs.as_ref()) {
            for class in 0..CLASSES.len() {
                total.tokens += theirs.tokens(class).unwrap_or(0);
                total.cost += theirs.cost(class).unwrap_or_default();
            }
            total.cost += theirs.whole_cost.unwrap_or_default();
        }
        total
    }

    /// Whether the report states costs that this class of a cell is to be compared with.
    pub fn is_costed(&self, cell: &Cell, class: usize) -> bool {
        match &cell.theirs {
            Some(theirs) if theirs.whole_cost.is_some() => true,
            Some(theirs) => {
                theirs.cost(class).is_some() || theirs.states_costs() && theirs.tokens(class).unwrap_or(0) == 0
            }
            None => self.states_costs(),
        }
    }

    /// Whether the report states costs at all.
    pub fn states_costs(&self) -> bool {
        self.cells.values().filter_map(|cell| cell.theirs.as_ref()).any(Theirs::states_costs)
    }
}

impl Own {
    fn add(&mut self, row: &Ours, hour: i64) {
        let side = Side { tokens: row.tokens, cost: row.cost };
        let mut sums = vec![&mut self.all];
        if row.incomplete {
            sums.push(&mut self.incomplete);
        }
        if hour == 0 {
            sums.push(&mut self.first_hour);
        }
        if hour == 23 {
            sums.push(&mut self.last_hour);
        }
        for sum in sums.into_iter().filter_map(|sums| sums.get_mut(row.class)) {
            sum.tokens += side.tokens;
            sum.cost += side.cost;
        }
        if let Some(unpriced) = self.unpriced.get_mut(row.class).filter(|_| row.unpriced) {
            *unpriced += row.tokens;
        }
        self.tries += row.tries;
        self.incomplete_tries += if row.incomplete { row.tries } else { 0 };
    }
}

/// Which name of the report a row of ours goes by: reports name the dated model that answered, or the one that was asked.
struct Names<'a> {
    reported: HashSet<&'a str>,
    /// What usually answers for a model, among the names of the report.
    usual: HashMap<&'a str, &'a str>,
}

impl<'a> Names<'a> {
    fn of(ours: &'a [Ours], report: &'a Report) -> Self {
        let reported: HashSet<&str> = report.lines.iter().map(|line| line.model.as_str()).collect();
        let mut tokens: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        for row in ours.iter().filter(|row| reported.contains(row.served_model.as_str())) {
            *tokens.entry((&row.target_model, &row.served_model)).or_default() += row.tokens;
        }
        let mut usual: HashMap<&str, (&str, i64)> = HashMap::new();
        for ((target, served), tokens) in tokens {
            let best = usual.entry(target).or_insert((served, tokens));
            if tokens > best.1 {
                *best = (served, tokens);
            }
        }
        Self { reported, usual: usual.into_iter().map(|(target, (served, _))| (target, served)).collect() }
    }

    fn find<'r>(&'r self, row: &'r Ours) -> &'r str {
        let own = [row.served_model.as_str(), row.target_model.as_str()];
        own.into_iter()
            .find(|name| self.reported.contains(name))
            .or_else(|| self.usual.get(row.target_model.as_str()).copied())
            .or_else(|| own.into_iter().find(|name| !name.is_empty()))
            .unwrap_or("unknown")
    }
}
