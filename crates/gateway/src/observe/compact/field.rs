//! The numbers of the fields. They are in databases: one that was given once is never given to anything else.
//!
//! The record's own fields come first. What follows an [`ATTEMPT`] belongs to that attempt.

pub const AT: u8 = 1;
pub const SURFACE: u8 = 2;
pub const KEY_NAME: u8 = 3;
pub const TARGET: u8 = 4;
pub const SERVED_MODEL: u8 = 5;
pub const LANE: u8 = 6;
pub const STREAM: u8 = 7;
pub const ERROR: u8 = 8;
pub const COST: u8 = 9;
pub const UNPRICED: u8 = 10;
pub const LATENCY: u8 = 11;
pub const TIME_TO_FIRST_TOKEN: u8 = 12;
pub const OVERHEAD: u8 = 13;
pub const LOSS: u8 = 14;
/// The name of a tag; its value follows.
pub const TAG: u8 = 15;
pub const TAG_VALUE: u8 = 16;
pub const USER: u8 = 17;
pub const GENERATION: u8 = 18;
pub const TRACE_ID: u8 = 19;
pub const PARENT_SPAN: u8 = 20;
pub const UNSAMPLED: u8 = 21;
/// The name of a [`Unit`](llm::usage::Unit) that was used; its count follows.
pub const UNIT: u8 = 22;
pub const COUNT: u8 = 23;
pub const ESTIMATED: u8 = 24;
/// Begins an attempt; its value is the target.
pub const ATTEMPT: u8 = 25;
pub const STARTED: u8 = 26;
pub const STATUS: u8 = 27;
pub const FAILURE: u8 = 28;
pub const UPSTREAM_ID: u8 = 29;
pub const PRICE: u8 = 30;
/// What the provider says that it costs.
pub const STATED: u8 = 31;
/// How sure a count of tokens is.
pub const SURENESS: u8 = 32;
/// The cost is an estimate.
pub const PROVISIONAL: u8 = 33;
pub const REPRICED: u8 = 34;
pub const TIER: u8 = 35;
pub const WORD: u8 = 36;
pub const REGION: u8 = 37;
pub const DISCOUNT: u8 = 38;
pub const MARGIN: u8 = 39;
/// The process ended in the middle of it; what its usage is known from.
pub const RECOVERED: u8 = 40;
/// The caller's place in the tree, as `govern::Principal` writes it.
pub const PLACE: u8 = 41;
/// The name of a counter that the call was booked on; the slot and the amount follow.
pub const CHARGE: u8 = 50;
pub const CHARGE_SLOT: u8 = 51;
pub const CHARGE_AMOUNT: u8 = 52;
pub const DOWNGRADED_BY: u8 = 53;
pub const WOULD_REFUSE: u8 = 54;
