use serde::{Deserialize, Deserializer, de};
use serde_json::{Number, Value, value::RawValue};

use super::{Json, Object};
use crate::envelope::scan::{DEEPEST, Scan};

impl<'a> Json<'a> {
    /// Reads JSON text. What the scan does not like is read again by serde_json, which finds the words for what is wrong.
    pub fn read(body: &'a [u8]) -> serde_json::Result<Self> {
        let read = std::str::from_utf8(body).ok().and_then(|text| {
            let mut scan = Scan::of(body);
            value(text, &mut scan, DEEPEST).filter(|_| scan.is_whole())
        });
        read.map_or_else(|| serde_json::from_slice::<Value>(body).map(Self::from), Ok)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    /// From text that is borrowed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::read(raw.get().as_bytes()).map_err(de::Error::custom)
    }
}

/// The value at which the scan of this text stands. `left`: how many levels deep it may be.
fn value<'a>(text: &'a str, scan: &mut Scan<'a>, left: u32) -> Option<Json<'a>> {
    Some(match scan.peek()? {
        b'{' => {
            let left = left.checked_sub(1)?;
            let mut fields = Vec::new();
            scan.fields(text, |scan, name| {
                fields.push((name, value(text, scan, left)?));
                Some(())
            })?;
            Json::Object(Object::read(fields))
        }
        b'[' => {
            let left = left.checked_sub(1)?;
            let mut items = Vec::new();
            scan.list(|scan| {
                items.push(value(text, scan, left)?);
                Some(())
            })?;
            Json::Array(items)
        }
        b'"' => Json::String(scan.spelt(text)?),
        _ => match scan.raw()? {
            b"null" => Json::Null,
            b"true" => Json::Bool(true),
            b"false" => Json::Bool(false),
            number => Json::Number(self::number(number)?),
        },
    })
}

fn number(text: &[u8]) -> Option<Number> {
    // Most are whole and small.
    const SMALL: usize = 18;
    if text.len() <= SMALL && text.iter().all(u8::is_ascii_digit) {
        return Some(text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')).into());
    }
    serde_json::from_slice(text).ok()
}
