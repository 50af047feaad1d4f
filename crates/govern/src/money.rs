//! Money: integer nano-dollars, defined beside prices in `llm` and used everywhere.

pub use llm::price::Money;
