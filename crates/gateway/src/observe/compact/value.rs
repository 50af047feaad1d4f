//! Reads the values of fields.

/// What a field says.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    Number(u64),
    Text(&'a [u8]),
}

impl Value<'_> {
    pub fn number(self) -> Result<u64, &'static str> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(_) => Err("a text where a number belongs"),
        }
    }

    pub fn small(self) -> Result<u32, &'static str> {
        self.number().and_then(|number| u32::try_from(number).map_err(|_| "a number that is too large"))
    }

    pub fn signed(self) -> Result<i64, &'static str> {
        self.number().map(u64::cast_signed)
    }

    pub fn text(self) -> Result<String, &'static str> {
        match self {
            Self::Text(text) => std::str::from_utf8(text).map(str::to_owned).map_err(|_| "a text that is not UTF-8"),
            Self::Number(_) => Err("a number where a text belongs"),
        }
    }
}

/// The value of the field that begins with `head`, and what follows it.
pub fn value(head: u8, bytes: &[u8]) -> Result<(Value<'_>, &[u8]), &'static str> {
    let (number, rest) = varint(bytes)?;
    if head & 1 == 0 {
        return Ok((Value::Number(number), rest));
    }
    let length = usize::try_from(number).unwrap_or(usize::MAX);
    let (text, rest) = rest.split_at_checked(length).ok_or(CUT)?;
    Ok((Value::Text(text), rest))
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((number, bytes.get(place + 1..).unwrap_or_default()));
        }
    }
    Err(CUT)
}

pub const CUT: &str = "it is cut off";
