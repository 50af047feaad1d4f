//! A [`Record`] in few bytes, but for what has a column of its own in the store.
//!
//! A record is written for every request, and as JSON it cost more than all of SQLite's work on it. Here a field is one
//! byte, its number and kind, and then a number of seven bits a byte or a text with its length before it; what is empty,
//! zero or false is left out. A reader skips the numbers that it does not know: they are of a newer version.

mod field;
mod value;
mod words;

use govern::{Money, Principal, config::Basis, limit::Charge};
use llm::{
    price::Terms,
    usage::{Source, Unit, Usage},
};
use value::{Value, value};

use super::{Attempt, Outcome, Record};
use words::{known_number, known_of, lane_number, lane_of};

/// Bytes of an ordinary record, with room to spare.
const ORDINARY: usize = 320;

/// The record but for what has a column: `id`, `key_id`, `model`, `status`, `outcome`.
#[must_use]
pub fn write(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(ORDINARY);
    append(&mut out, record);
    out
}

/// Appends what [`write`] gives.
pub fn append(out: &mut Vec<u8>, record: &Record) {
    // Every field is named, here and below: one that is new does not compile until it is written or has a column.
    let Record {
        id: _,
        at,
        surface,
        key_id: _,
        key_name,
        principal,
        model: _,
        target,
        served_model,
        lane,
        stream,
        outcome: _,
        status: _,
        error,
        usage,
        cost,
        unpriced,
        estimated,
        repriced,
        count,
        latency,
        time_to_first_token,
        overhead,
        attempts,
        loss,
        tags,
        user,
        charges,
        downgraded_by,
        would_refuse,
        generation,
        trace_id,
        parent_span,
        unsampled,
        recovered,
    } = record;
    let mut out = Writer(out);
    out.number(field::AT, at.cast_unsigned());
    out.text(field::SURFACE, Some(surface));
    out.text(field::KEY_NAME, key_name.as_deref());
    if let Some(principal) = principal {
        out.text(field::PLACE, Some(&principal.to_path()));
    }
    out.text(field::TARGET, target.as_deref());
    out.text(field::SERVED_MODEL, served_model.as_deref());
    out.number(field::LANE, lane.map_or(0, lane_number));
    out.number(field::STREAM, u64::from(*stream));
    out.text(field::ERROR, error.as_deref());
    out.usage(usage);
    out.maybe(field::COST, cost.map(|cost| cost.0));
    out.number(field::UNPRICED, u64::from(*unpriced));
    out.number(field::PROVISIONAL, u64::from(*estimated));
    out.maybe(field::REPRICED, *repriced);
    out.text(field::SURENESS, count.as_deref());
    out.number(field::LATENCY, latency.cast_unsigned());
    out.maybe(field::TIME_TO_FIRST_TOKEN, *time_to_first_token);
    out.maybe(field::OVERHEAD, *overhead);
    for lost in loss {
        out.text(field::LOSS, Some(lost));
    }
    for (name, value) in tags {
        out.text(field::TAG, Some(name));
        out.text(field::TAG_VALUE, Some(value));
    }
    out.text(field::USER, user.as_deref());
    out.number(field::GENERATION, *generation);
    out.text(field::TRACE_ID, trace_id.as_deref());
    out.text(field::PARENT_SPAN, parent_span.as_deref());
    out.number(field::UNSAMPLED, u64::from(*unsampled));
    out.number(field::RECOVERED, recovered.map_or(0, known_number));
    out.charges(charges);
    out.text(field::DOWNGRADED_BY, downgraded_by.as_deref());
    for limit in would_refuse {
        out.text(field::WOULD_REFUSE, Some(limit));
    }
    for attempt in attempts {
        out.attempt(attempt);
    }
}

/// Fills in what [`write`] wrote.
///
/// # Errors
/// The bytes are not of this form: why, in words for the log.
pub fn read(detail: &[u8], record: &mut Record) -> Result<(), &'static str> {
    let mut named = String::new();
    let mut rest = detail;
    while let Some((&head, after)) = rest.split_first() {
        let (value, after) = value(head, after)?;
        rest = after;
        let field = head >> 1;
        match (field, record.attempts.last_mut()) {
            (field::ATTEMPT, _) => record.attempts.push(Attempt { target: value.text()?, ..Attempt::default() }),
            (field::UNIT | field::TAG, _) => named = value.text()?,
            (_, Some(attempt)) => read_attempt(field, value, &named, attempt)?,
            (field::TAG_VALUE, None) => {
                record.tags.insert(std::mem::take(&mut named), value.text()?);
            }
            (_, None) => read_own(field, value, &named, record)?,
        }
    }
    Ok(())
}

fn read_own(field: u8, value: Value<'_>, unit: &str, record: &mut Record) -> Result<(), &'static str> {
    match field {
        field::AT => record.at = value.signed()?,
        field::SURFACE => record.surface = value.text()?.into(),
        field::KEY_NAME => record.key_name = Some(value.text()?),
        field::PLACE => record.principal = Some(Principal::from_path(&value.text()?).into()),
        field::TARGET => record.target = Some(value.text()?),
        field::SERVED_MODEL => record.served_model = Some(value.text()?),
        field::LANE => record.lane = lane_of(value.number()?),
        field::STREAM => record.stream = value.number()? != 0,
        field::ERROR => record.error = Some(value.text()?),
        field::COST => record.cost = Some(Money(value.signed()?)),
        field::UNPRICED => record.unpriced = value.number()? != 0,
        field::PROVISIONAL => record.estimated = value.number()? != 0,
        field::REPRICED => record.repriced = Some(value.signed()?),
        field::SURENESS => record.count = Some(value.text()?),
        field::LATENCY => record.latency = value.signed()?,
        field::TIME_TO_FIRST_TOKEN => record.time_to_first_token = Some(value.signed()?),
        field::OVERHEAD => record.overhead = Some(value.signed()?),
        field::LOSS => record.loss.push(value.text()?),
        field::USER => record.user = Some(value.text()?),
        field::GENERATION => record.generation = value.number()?,
        field::TRACE_ID => record.trace_id = Some(value.text()?),
        field::PARENT_SPAN => record.parent_span = Some(value.text()?),
        field::UNSAMPLED => record.unsampled = value.number()? != 0,
        field::RECOVERED => record.recovered = known_of(value.number()?),
        field::DOWNGRADED_BY => record.downgraded_by = Some(value.text()?.into()),
        field::WOULD_REFUSE => record.would_refuse.push(value.text()?.into()),
        field::CHARGE | field::CHARGE_SLOT | field::CHARGE_AMOUNT => read_charge(field, value, &mut record.charges)?,
        _ => read_usage(field, value, unit, &mut record.usage)?,
    }
    Ok(())
}

fn read_charge(field: u8, value: Value<'_>, charges: &mut Vec<Charge>) -> Result<(), &'static str> {
    match (field, charges.last_mut()) {
        (field::CHARGE, _) => charges.push(Charge { counter: value.text()?.into(), slot: 0, amount: 0 }),
        (field::CHARGE_SLOT, Some(charge)) => charge.slot = value.signed()?,
        (_, Some(charge)) => charge.amount = value.number()?,
        (_, None) => return Err("an amount before its counter"),
    }
    Ok(())
}

fn read_attempt(field: u8, value: Value<'_>, unit: &str, attempt: &mut Attempt) -> Result<(), &'static str> {
    match field {
        field::STARTED => attempt.started = value.signed()?,
        field::LATENCY => attempt.latency = value.signed()?,
        field::STATUS => attempt.status = u16::try_from(value.number()?).ok(),
        field::FAILURE => attempt.failure = Some(value.text()?),
        field::UPSTREAM_ID => attempt.upstream_id = Some(value.text()?),
        field::COST => attempt.cost = Some(Money(value.signed()?)),
        field::UNPRICED => attempt.unpriced = value.number()? != 0,
        field::PRICE => attempt.price = Some(value.text()?),
        field::PROVISIONAL => attempt.estimated = value.number()? != 0,
        field::TIER => attempt.basis.tier = Some(value.text()?),
        field::WORD => attempt.basis.words.push(value.text()?),
        field::REGION => attempt.basis.region = Some(value.text()?),
        field::DISCOUNT => attempt.basis.terms.discount = value.small()?,
        field::MARGIN => attempt.basis.terms.margin = value.small()?,
        _ => read_usage(field, value, unit, &mut attempt.usage)?,
    }
    Ok(())
}

/// What is of a newer version ends here: it is skipped.
fn read_usage(field: u8, value: Value<'_>, unit: &str, usage: &mut Usage) -> Result<(), &'static str> {
    match field {
        field::COUNT => {
            if let Some(unit) = Unit::find(unit) {
                *usage.get_mut(unit) = value.number()?;
            }
        }
        field::STATED => usage.stated = Some(Money(value.signed()?)),
        field::ESTIMATED => usage.source = Source::Estimated,
        _ => {}
    }
    Ok(())
}

/// The number of an outcome in its column.
#[must_use]
pub fn outcome_number(outcome: Outcome) -> i64 {
    match outcome {
        Outcome::Success => 1,
        Outcome::Refused => 2,
        Outcome::Failed => 3,
        Outcome::Partial => 4,
        Outcome::ClientDisconnected => 5,
        Outcome::Interrupted => 6,
    }
}

/// The outcome with this number, if this version has it.
#[must_use]
pub fn outcome_of(number: i64) -> Option<Outcome> {
    use Outcome::{ClientDisconnected, Failed, Interrupted, Partial, Refused, Success};
    [Success, Refused, Failed, Partial, ClientDisconnected, Interrupted]
        .into_iter()
        .find(|outcome| outcome_number(*outcome) == number)
}

/// Appends fields.
struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn charges(&mut self, charges: &[Charge]) {
        for charge in charges {
            self.text(field::CHARGE, Some(&charge.counter));
            self.number(field::CHARGE_SLOT, charge.slot.cast_unsigned());
            self.number(field::CHARGE_AMOUNT, charge.amount);
        }
    }

    /// Leaves zero out.
    fn number(&mut self, field: u8, number: u64) {
        if number != 0 {
            self.0.push(field << 1);
            self.varint(number);
        }
    }

    /// Leaves nothing out but what is not there.
    fn maybe(&mut self, field: u8, number: Option<i64>) {
        if let Some(number) = number {
            self.0.push(field << 1);
            self.varint(number.cast_unsigned());
        }
    }

    fn text(&mut self, field: u8, text: Option<&str>) {
        if let Some(text) = text {
            self.0.push(field << 1 | 1);
            self.varint(text.len() as u64);
            self.0.extend_from_slice(text.as_bytes());
        }
    }

    fn usage(&mut self, usage: &Usage) {
        // A field of `Usage` that is no unit does not compile until it is written here and read above.
        const { assert!(size_of::<Usage>() == 8 * Unit::ALL.len() + size_of::<(Option<Money>, Source)>()) };
        for (unit, count) in usage.counted() {
            self.text(field::UNIT, Some(unit.name()));
            self.number(field::COUNT, count);
        }
        self.maybe(field::STATED, usage.stated.map(|stated| stated.0));
        self.number(field::ESTIMATED, u64::from(usage.source == Source::Estimated));
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let Attempt {
            target,
            started,
            latency,
            status,
            failure,
            upstream_id,
            usage,
            cost,
            unpriced,
            estimated,
            price,
            basis: Basis { tier, words, region, terms: Terms { discount, margin } },
        } = attempt;
        self.text(field::ATTEMPT, Some(target));
        self.number(field::STARTED, started.cast_unsigned());
        self.number(field::LATENCY, latency.cast_unsigned());
        self.maybe(field::STATUS, status.map(i64::from));
        self.text(field::FAILURE, failure.as_deref());
        self.text(field::UPSTREAM_ID, upstream_id.as_deref());
        self.usage(usage);
        self.maybe(field::COST, cost.map(|cost| cost.0));
        self.number(field::UNPRICED, u64::from(*unpriced));
        self.text(field::PRICE, price.as_deref());
        self.number(field::PROVISIONAL, u64::from(*estimated));
        self.text(field::TIER, tier.as_deref());
        for word in words {
            self.text(field::WORD, Some(word));
        }
        self.text(field::REGION, region.as_deref());
        self.number(field::DISCOUNT, u64::from(*discount));
        self.number(field::MARGIN, u64::from(*margin));
    }

    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::{value::CUT, *};
    use crate::observe::{Lane, Recovered};

    fn read_back(bytes: &[u8]) -> Result<Record, &'static str> {
        let mut record = Record::default();
        read(bytes, &mut record).map(|()| record)
    }

    /// Every unit counted, each otherwise.
    fn usage(from: u64, source: Source) -> Usage {
        let mut usage = Usage { source, stated: Some(Money(0)), ..Usage::default() };
        for (unit, n) in Unit::ALL.iter().zip(from..) {
            *usage.get_mut(*unit) = u64::MAX >> n;
        }
        usage
    }

    /// Every field set, and each to something else.
    fn full() -> Record {
        let text = |text: &str| Some(text.to_owned());
        let attempt = |n: u64| Attempt {
            target: format!("account/model-{n}"),
            started: 310,
            latency: -1,
            status: Some(429),
            failure: text("rate_limited"),
            upstream_id: text(""),
            usage: usage(n, Source::Estimated),
            cost: Some(Money(i64::MIN)),
            unpriced: true,
            estimated: true,
            price: text("2026-11/ab12"),
            basis: Basis {
                tier: text("flex"),
                words: vec!["hd".into(), String::new()],
                region: text("eu-west-1"),
                terms: Terms { discount: 1250, margin: u32::MAX },
            },
        };
        Record {
            at: 1_800_000_000_000_001,
            surface: "messages".into(),
            key_name: text("name"),
            principal: Some(Principal { team: Some("research".into()), ..Principal::default() }.into()),
            target: text("account/model-2"),
            served_model: text("ein Modell, größer als alle"),
            lane: Some(Lane::Translate),
            stream: true,
            error: text("provider_error"),
            usage: usage(5, Source::Reported),
            cost: Some(Money(0)),
            unpriced: true,
            estimated: true,
            repriced: Some(-1),
            count: text("exact"),
            latency: i64::MAX,
            time_to_first_token: Some(0),
            overhead: Some(-3),
            attempts: vec![attempt(1), attempt(2), Attempt::default()],
            loss: vec!["a".into(), String::new(), "x".repeat(300)],
            tags: [("team", "search"), ("", "")].map(|(name, value)| (name.into(), value.into())).into(),
            user: text("user"),
            generation: 7,
            trace_id: text("4bf92f3577b34da6a3ce929d0e0e4736"),
            parent_span: text("00f067aa0ba902b7"),
            unsampled: true,
            recovered: Some(Recovered::Held),
            ..Record::default()
        }
    }

    #[test]
    fn every_field_comes_back_and_nothing_takes_no_room() {
        assert_eq!(read_back(&write(&full())), Ok(full()));
        assert_eq!(write(&Record::default()), [field::SURFACE << 1 | 1, 0]);
        for lane in [Lane::Relay, Lane::Inspect, Lane::Translate] {
            assert_eq!(lane_of(lane_number(lane)), Some(lane));
        }
        for known in [Recovered::Checkpoint, Recovered::Held] {
            assert_eq!(known_of(known_number(known)), Some(known));
        }
        for outcome in (0..9).filter_map(outcome_of) {
            assert_eq!(outcome_of(outcome_number(outcome)), Some(outcome));
        }
    }

    #[test]
    fn fields_of_a_newer_version_are_skipped() {
        let mut bytes = write(&full());
        let mut out = Writer(&mut bytes);
        for field in 100..128 {
            out.number(field, 300);
            out.text(field, Some("new"));
        }
        out.text(field::UNIT, Some("new"));
        out.number(field::COUNT, 1);
        assert_eq!(read_back(&bytes), Ok(full()));
        assert_eq!(read_back(&[&[100 << 1, 7], &*bytes].concat()), Ok(full()));
    }

    #[test]
    fn what_is_damaged_is_refused_and_never_panics() {
        let whole = write(&full());
        for end in 0..whole.len() {
            let _ = read_back(&whole[..end]);
        }
        for (bytes, why) in [
            (&[field::AT << 1 | 1, 0][..], "a text where a number belongs"),
            (&[field::USER << 1, 0], "a number where a text belongs"),
            (&[field::USER << 1 | 1, 1, 0xff], "a text that is not UTF-8"),
            (&[field::USER << 1 | 1, 2, b'a'], CUT),
            (&[field::AT << 1, 0x80], CUT),
            (&[field::AT << 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], CUT),
        ] {
            assert_eq!(read_back(bytes), Err(why), "{bytes:?}");
        }
    }
}
