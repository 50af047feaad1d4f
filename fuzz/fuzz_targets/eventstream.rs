//! Amazon's binary messages, damaged in every way.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz::binary(bytes));
