//! Streams in the format of Bedrock Converse: whole messages of any content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::Dialect;

fuzz_target!(|bytes: &[u8]| fuzz::stream(Dialect::Bedrock, &fuzz::messages(bytes)));
