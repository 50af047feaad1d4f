//! Whole answers and errors in the format of Bedrock Converse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::Dialect;

fuzz_target!(|bytes: &[u8]| fuzz::reply(Dialect::Bedrock, bytes));
