//! The rows of one sum.

use llm::{
    price::Line,
    usage::{Role, Unit},
};
use serde_json::json;

use super::{
    Books,
    columns::{COLUMNS, COUNT},
};
use crate::{
    Money,
    chargeback::{Figures, Place, calendar, split, without_percent},
};

/// What is priced in a row.
struct Meter {
    /// Its name in ids: `input`.
    id: &'static str,
    quantity: Decimal,
    unit: &'static str,
    consumed: Decimal,
    consumed_unit: &'static str,
    /// Dollars per unit on the list.
    rate: Decimal,
    billed: Money,
}

/// The cells of the rows of a sum, in the order of [`COLUMNS`].
pub(super) fn rows(day: i64, place: &Place, figures: &Figures, books: &Books<'_>) -> Vec<[String; COUNT]> {
    meters(place, figures, books).into_iter().map(|meter| cells(day, place, &meter, books)).collect()
}

fn meters(place: &Place, figures: &Figures, books: &Books<'_>) -> Vec<Meter> {
    let price = (books.price)(&place.price).filter(|_| !place.price.contains('+'));
    let usage = figures.usage();
    let Some(price) = price else {
        return whole(place, figures);
    };
    let lines = place.basis.rates(&price, &usage);
    let mut rated: Vec<(Option<Unit>, u64, u64)> =
        lines.iter().map(|Line { unit, count, rate }| (Some(*unit), *count, rate.unwrap_or(0))).collect();
    if price.request > 0 && figures.tries > 0 {
        rated.push((None, u64::try_from(figures.tries).unwrap_or(0), price.request));
    }
    let weights: Vec<i128> = rated.iter().map(|(_, count, rate)| i128::from(*count) * i128::from(*rate)).collect();
    if rated.is_empty() || (weights.iter().all(|weight| *weight == 0) && figures.cost != Money::ZERO) {
        return whole(place, figures);
    }
    let billed = split(figures.cost, &weights);
    let meter = |((unit, count, rate), billed): (&(Option<Unit>, u64, u64), Money)| {
        let (id, name, per) = unit.map_or(("request", "Requests", 1), |unit| (unit.name(), plural(unit), per(unit)));
        let quantity = Decimal::of(i128::from(*count), if per == 1000 { 3 } else { 0 });
        let rate = Decimal::of(i128::from(*rate) * per, 12);
        Meter { id, quantity, unit: name, consumed: quantity, consumed_unit: name, rate, billed }
    };
    rated.iter().zip(billed).map(meter).collect()
}

/// A sum whose cost no list takes apart: the provider stated it, it is an estimate, or it is not known.
fn whole(place: &Place, figures: &Figures) -> Vec<Meter> {
    if figures.cost == Money::ZERO {
        // Nothing was charged: what was used is listed all the same, so that it is not forgotten.
        let meter = |(unit, count): (Unit, i64)| {
            let quantity = Decimal::of(i128::from(count), if per(unit) == 1000 { 3 } else { 0 });
            let (rate, name) = (Decimal::of(0, 0), plural(unit));
            Meter {
                id: unit.name(),
                quantity,
                unit: name,
                consumed: quantity,
                consumed_unit: name,
                rate,
                billed: Money::ZERO,
            }
        };
        let own = |(unit, _): &(Unit, i64)| !matches!(unit.role(), Role::PartOf(_));
        return figures.counted().filter(own).map(meter).collect();
    }
    let tokens = figures.usage().total();
    // The charge itself is what is sold, once: its unit price is without the margin that was put on top.
    let net = without_percent(figures.cost, place.basis.margin);
    let rate = Decimal::of(i128::from(net.0), 9);
    vec![Meter {
        id: "charge",
        quantity: Decimal::of(1, 0),
        unit: "Charges",
        consumed: Decimal::of(i128::from(tokens), 0),
        consumed_unit: "Tokens",
        rate,
        billed: figures.cost,
    }]
}

fn cells(day: i64, place: &Place, meter: &Meter, books: &Books<'_>) -> [String; COUNT] {
    let provider = (books.provider)(&place.account).unwrap_or_else(|| or(&place.account, "unknown").to_owned());
    let stated = meter.id == "charge";
    let off = if stated { 0 } else { i128::from(place.basis.discount.min(10_000)) };
    let contracted = meter.rate.times(Decimal::of(10_000 - off, 4));
    let sub = [("Team", &place.team), ("Key", &place.key)].into_iter().find(|(_, id)| !id.is_empty());
    let (sub_type, sub_id) = sub.map_or(("", ""), |(kind, id)| (kind, id.as_str()));
    let month = calendar::month_of(day);
    let model = or(&place.target_model, or(&place.account, "unknown"));
    let billed = meter.billed.to_string();
    let value = |name: &str| -> String {
        match name {
            "BilledCost" | "EffectiveCost" => billed.clone(),
            "BillingAccountId" | "BillingAccountName" => or(&place.organization, "default").to_owned(),
            "BillingAccountType" => "Organization".to_owned(),
            "BillingCurrency" => "USD".to_owned(),
            "BillingPeriodStart" => calendar::time(calendar::month_start(month)),
            "BillingPeriodEnd" => calendar::time(calendar::month_start(month + 1)),
            "ChargeCategory" => "Usage".to_owned(),
            "ChargeDescription" => format!("{} of {model} at {provider}", label(meter.id)),
            "ChargeFrequency" => "Usage-Based".to_owned(),
            "ChargePeriodStart" => calendar::time(day),
            "ChargePeriodEnd" => calendar::time(day + 1),
            "ConsumedQuantity" => meter.consumed.to_string(),
            "ConsumedUnit" => meter.consumed_unit.to_owned(),
            "ContractedCost" => contracted.times(meter.quantity).to_string(),
            "ContractedUnitPrice" => contracted.to_string(),
            "InvoiceIssuerName" => books.issuer.to_owned(),
            "ListCost" => meter.rate.times(meter.quantity).to_string(),
            "ListUnitPrice" => meter.rate.to_string(),
            "PricingCategory" => if stated { "Dynamic" } else { "Standard" }.to_owned(),
            "PricingQuantity" => meter.quantity.to_string(),
            "PricingUnit" => meter.unit.to_owned(),
            "ProviderName" | "PublisherName" | "ServiceName" => provider.clone(),
            "RegionId" | "RegionName" => place.basis.region.clone().unwrap_or_default(),
            "ServiceCategory" => "AI and Machine Learning".to_owned(),
            "ServiceSubcategory" => "Generative AI".to_owned(),
            "SkuId" => format!("{provider}/{model}/{}", meter.id),
            "SkuMeter" => label(meter.id),
            "SkuPriceDetails" => details(place),
            "SkuPriceId" => price_id(place, meter.id),
            "SubAccountId" | "SubAccountName" => sub_id.to_owned(),
            "SubAccountType" => sub_type.to_owned(),
            "Tags" if !place.tags.is_empty() => json!(place.tags).to_string(),
            "x_Account" => or(&place.account, "unknown").to_owned(),
            "x_Division" => place.division.clone(),
            "x_KeyId" => place.key.clone(),
            "x_Model" => model.to_owned(),
            "x_Project" => place.project.clone(),
            "x_VirtualAccount" => place.virtual_account.clone(),
            "x_CostBasis" => basis(place).to_owned(),
            _ => String::new(),
        }
    };
    COLUMNS.map(|column| value(column.name))
}

/// By whose word the cost is what it is.
fn basis(place: &Place) -> &'static str {
    match place.price.as_str() {
        "" => "unpriced",
        "stated" => "stated",
        version if version.contains("estimate/") => "estimated",
        _ => "priced",
    }
}

/// The price of a meter: the version of the price list and whatever else moved the rate.
fn price_id(place: &Place, meter: &str) -> String {
    let mut id = format!("{}/{meter}", or(&place.price, "none"));
    let basis = &place.basis;
    for (name, text) in [("tier", &basis.tier), ("region", &basis.region)] {
        if let Some(text) = text {
            id.push_str(&format!(";{name}={text}"));
        }
    }
    if basis.long_from > 0 {
        id.push_str(&format!(";from={}", basis.long_from));
    }
    if !basis.words.is_empty() {
        id.push_str(&format!(";{}", basis.words.join("+")));
    }
    id
}

fn details(place: &Place) -> String {
    let basis = &place.basis;
    let mut details = serde_json::Map::new();
    if let Some(tier) = &basis.tier {
        details.insert("x_ServiceTier".to_owned(), json!(tier));
    }
    if basis.long_from > 0 {
        details.insert("x_PromptTokensFrom".to_owned(), json!(basis.long_from));
    }
    if !basis.words.is_empty() {
        details.insert("x_Variant".to_owned(), json!(basis.words.join(" ")));
    }
    if details.is_empty() { String::new() } else { serde_json::Value::Object(details).to_string() }
}

fn or<'a>(text: &'a str, other: &'a str) -> &'a str {
    if text.is_empty() { other } else { text }
}

/// `cache_read` for people: `Cache read tokens`.
fn label(id: &str) -> String {
    let Some(unit) = Unit::find(id) else {
        return if id == "request" { "Requests" } else { "Charges" }.to_owned();
    };
    let words = unit.name().trim_end_matches("_ms").replace('_', " ");
    let mut letters = words.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let of = if unit.is_token() || unit == Unit::Citation { " tokens" } else { "" };
    format!("{first}{}{of}", letters.as_str())
}

/// Units per unit of sale: milliseconds are sold by the second.
fn per(unit: Unit) -> i128 {
    if unit.name().ends_with("_ms") { 1000 } else { 1 }
}

fn plural(unit: Unit) -> &'static str {
    match unit {
        unit if unit.is_token() || unit == Unit::Citation => "Tokens",
        Unit::ImagesIn | Unit::ImagesOut => "Images",
        Unit::CharactersIn | Unit::CharactersOut => "Characters",
        Unit::Pages | Unit::PagesAnnotated => "Pages",
        Unit::Queries => "Queries",
        Unit::WebSearches | Unit::MapSearches => "Searches",
        Unit::CodeSessions => "Sessions",
        _ => "Seconds",
    }
}

/// An exact decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimal {
    value: i128,
    /// Digits behind the point.
    scale: u32,
}

impl Decimal {
    fn of(value: i128, scale: u32) -> Self {
        Self { value, scale }.shortened()
    }

    fn times(self, other: Self) -> Self {
        Self { value: self.value.saturating_mul(other.value), scale: self.scale + other.scale }.shortened()
    }

    fn shortened(mut self) -> Self {
        while self.scale > 0 && self.value % 10 == 0 {
            self = Self { value: self.value / 10, scale: self.scale - 1 };
        }
        self
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.value < 0 { "-" } else { "" };
        let power = 10_u128.pow(self.scale.min(38));
        let value = self.value.unsigned_abs();
        match self.scale {
            0 => write!(f, "{sign}{value}"),
            scale => write!(f, "{sign}{}.{:0width$}", value / power, value % power, width = scale as usize),
        }
    }
}
