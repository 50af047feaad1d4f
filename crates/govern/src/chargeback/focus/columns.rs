//! The columns that are written, with what the specification says of each.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Decimal,
    /// `2026-11-01T00:00:00Z`
    Time,
    /// A JSON object whose values are texts, numbers, true, false or null.
    Pairs,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The id that the specification gives it; `x_...` is our own.
    pub name: &'static str,
    pub kind: Kind,
    /// Whether it may be empty in a row of usage, which all of ours are.
    pub nullable: bool,
    /// The values that the specification allows; empty: any.
    pub allowed: &'static [&'static str],
}

const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false, allowed: &[] }
}

const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true, allowed: &[] }
}

const fn of(name: &'static str, nullable: bool, allowed: &'static [&'static str]) -> Column {
    Column { name, kind: Kind::Text, nullable, allowed }
}

/// The columns in the order in which they are written.
pub const COLUMNS: [Column; COUNT] = [
    must("BilledCost", Kind::Decimal),
    must("BillingAccountId", Kind::Text),
    must("BillingAccountName", Kind::Text),
    must("BillingAccountType", Kind::Text),
    must("BillingCurrency", Kind::Text),
    must("BillingPeriodEnd", Kind::Time),
    must("BillingPeriodStart", Kind::Time),
    of("ChargeCategory", false, &["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    of("ChargeClass", true, &["Correction"]),
    must("ChargeDescription", Kind::Text),
    of("ChargeFrequency", false, &["One-Time", "Recurring", "Usage-Based"]),
    must("ChargePeriodEnd", Kind::Time),
    must("ChargePeriodStart", Kind::Time),
    must("ConsumedQuantity", Kind::Decimal),
    must("ConsumedUnit", Kind::Text),
    must("ContractedCost", Kind::Decimal),
    must("ContractedUnitPrice", Kind::Decimal),
    must("EffectiveCost", Kind::Decimal),
    may("InvoiceId", Kind::Text),
    must("InvoiceIssuerName", Kind::Text),
    must("ListCost", Kind::Decimal),
    must("ListUnitPrice", Kind::Decimal),
    of("PricingCategory", false, &["Standard", "Dynamic", "Committed", "Other"]),
    must("PricingQuantity", Kind::Decimal),
    must("PricingUnit", Kind::Text),
    must("ProviderName", Kind::Text),
    must("PublisherName", Kind::Text),
    may("RegionId", Kind::Text),
    may("RegionName", Kind::Text),
    of("ServiceCategory", false, &["AI and Machine Learning"]),
    must("ServiceName", Kind::Text),
    of("ServiceSubcategory", false, &["Generative AI"]),
    must("SkuId", Kind::Text),
    must("SkuMeter", Kind::Text),
    may("SkuPriceDetails", Kind::Pairs),
    must("SkuPriceId", Kind::Text),
    may("SubAccountId", Kind::Text),
    may("SubAccountName", Kind::Text),
    may("SubAccountType", Kind::Text),
    may("Tags", Kind::Pairs),
    must("x_Account", Kind::Text),
    may("x_Division", Kind::Text),
    may("x_KeyId", Kind::Text),
    must("x_Model", Kind::Text),
    may("x_Project", Kind::Text),
    may("x_VirtualAccount", Kind::Text),
    of("x_CostBasis", false, &["priced", "stated", "estimated", "unpriced"]),
];

/// How many there are.
pub(super) const COUNT: usize = 47;
